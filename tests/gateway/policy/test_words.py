"""Facts as sentences."""

from __future__ import annotations

import pytest

from gateway.policy.facts import Fact
from gateway.policy.words import because, fill

SIZE = Fact("file-size", amount=52_428_801, limit=52_428_800)


@pytest.mark.parametrize(
    ("fact", "sentence"),
    [
        pytest.param(Fact("found", "cn.mobile", 1200), "发现 cn.mobile × 1,200。Found cn.mobile × 1,200.", id="found"),
        pytest.param(
            SIZE,
            "文件 52,428,801 字节，上限 52,428,800 字节。File of 52,428,801 bytes, limit 52,428,800.",
            id="file size",
        ),
        pytest.param(
            Fact("body-size", amount=9, limit=8),
            "请求正文 9 字节，单个文件上限 8 字节。Request body of 9 bytes, limit 8 for one file.",
            id="body size",
        ),
        pytest.param(
            Fact("body-so-far", amount=9, limit=8),
            "请求正文已收到 9 字节，单个文件上限 8 字节。9 bytes of request body so far, limit 8 for one file.",
            id="body so far",
        ),
        pytest.param(Fact("persons", amount=5, limit=3), "涉及 5 人（阈值 3）。5 persons (threshold 3).", id="persons"),
        pytest.param(
            Fact("encryption", "zip-crypto weak", 2),
            "加密方式 zip-crypto，强度 weak，2 处。Encryption zip-crypto, grade weak, in 2 part(s).",
            id="encryption",
        ),
        pytest.param(
            Fact("unread", "malformed", 1),
            "未能读取（malformed）1 处。Not readable (malformed) in 1 part(s).",
            id="unread",
        ),
        pytest.param(Fact("failure", "crash"), "未完成检查（crash）。Not inspected (crash).", id="failure"),
        pytest.param(Fact("exception", "EX-1"), "例外 EX-1。Exception EX-1.", id="exception"),
        pytest.param(Fact("word", "region overseas"), "目的地区域 overseas。Region overseas.", id="region"),
        pytest.param(Fact("word", "sender group sales"), "发送人所在组 sales。Sender group sales.", id="sender group"),
        pytest.param(Fact("word", "sender unknown"), "发送人 unknown。Sender unknown.", id="sender unknown"),
        pytest.param(Fact("word", "host listed"), "主机 listed。Host listed.", id="host"),
    ],
)
def test_because_of_one_fact(fact, sentence):
    assert because((fact,)) == sentence


def test_because_of_several_facts_is_one_sentence_in_each_language():
    facts = (Fact("word", "category messaging"), Fact("found", "iban", 1))
    assert because(facts) == "目的地类别 messaging；发现 iban × 1。Category messaging; found iban × 1."


def test_because_of_nothing_to_tell():
    assert because(()) == "规则条件成立。The condition of the rule holds."


@pytest.mark.parametrize(
    ("facts", "filled"),
    [
        pytest.param(
            (Fact("found", "cn.mobile", 3), SIZE),
            {"zh": "手机号 × 3 50 MB", "en": "mobile number × 3 50 MB"},
            id="both",
        ),
        pytest.param(
            (Fact("found", "doc.contract", 1),),
            {"zh": "合同 规定大小", "en": "contract the allowed size"},
            id="no size",
        ),
        pytest.param(
            (Fact("body-so-far", amount=9, limit=1_572_864),),
            {"zh": "敏感内容 1.5 MB", "en": "sensitive content 1.5 MB"},
            id="so far",
        ),
        pytest.param((SIZE,), {"zh": "敏感内容 50 MB", "en": "sensitive content 50 MB"}, id="nothing found"),
        pytest.param(
            (Fact("found", "acme.x", 1), Fact("found", "acme.code", 2), Fact("body-size", amount=9, limit=524_288)),
            {"zh": "项目代号 × 2、acme.x 0.5 MB", "en": "project code × 2, acme.x 0.5 MB"},
            id="names of the company's own",
        ),
        pytest.param(
            (
                *(Fact("found", f"x{n}", 9 - n) for n in range(6)),
                SIZE,
                Fact("file-size", amount=9, limit=3 * 1024 * 1024),
            ),
            {"zh": "x0 × 9、x1 × 8、x2 × 7、x3 × 6等 3 MB", "en": "x0 × 9, x1 × 8, x2 × 7, x3 × 6 and more 3 MB"},
            id="many kinds, the smaller limit",
        ),
    ],
)
def test_fill(facts, filled):
    names = {"acme.code": {"zh": "项目代号", "en": "project code"}}
    assert fill({"zh": "{found} {limit}", "en": "{found} {limit}"}, facts, names=names, size_unit="MiB") == filled


def test_a_decimal_megabyte_is_told_as_such():
    facts = (Fact("file-size", amount=9, limit=50_000_000),)
    assert fill({"en": "{limit}"}, facts, names={}, size_unit="MB") == {"en": "50 MB"}
