"""What changes from one policy to another, in sentences of both languages."""

from datetime import date

import pytest

from gateway.policy.compare import compare
from gateway.policy.schema_file import PolicyFile
from tests.samples.policies import rule


def file(*rules, **sections):
    return PolicyFile.model_validate({"version": 1, "rules": rules, **sections})


def told(old, new):
    return [(sentence.zh, sentence.en) for sentence in compare(old, new)]


BASE = rule("a", {"destination": {"category": ["webmail", "messaging"]}, "persons": 3})
EXCEPTION = {
    "id": "E",
    "rules": "a",
    "actor": {"user": "li"},
    "ticket": "T",
    "approver": "A",
    "owner": "O",
    "expires": date(2027, 1, 1),
}
AUTHORISED = {"id": "P", "destination": {"host": "pay.example"}, "class": "personal", "owner": "hr"}
CASE = {"name": "c", "action": "block", "rules": ["a"]}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(file(BASE, rule("b")), file(rule("b"), BASE), id="order of rules"),
        pytest.param(
            file(BASE),
            file({**BASE, "when": {"persons": 3, "destination": {"category": ["messaging", "webmail"]}}}),
            id="order of words",
        ),
        pytest.param(file(BASE), file({**BASE, "mode": "enforce", "keep_content": True}), id="defaults written out"),
        pytest.param(file(failures={"crash": "block"}), file(), id="defaults of a table"),
    ],
)
def test_what_is_no_change(old, new):
    assert told(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "zh", "en"),
    [
        pytest.param(
            file(),
            file(BASE),
            "新增规则 a：动作 block, 模式 enforce, 依据 [S001-3.3(3)], 负责人 it, 生效日 2026-01-01, "
            "条件.destination.category [messaging, webmail], 条件.persons 3。",
            "New rule a: action block, mode enforce, basis [S001-3.3(3)], owner it, since 2026-01-01, "
            "when.destination.category [messaging, webmail], when.persons 3.",
            id="new rule",
        ),
        pytest.param(
            file(rule("a", {"body": True})),
            file(),
            "删除规则 a（原为：动作 block, 模式 enforce, 依据 [S001-3.3(3)], 负责人 it, 生效日 2026-01-01, 条件.body true）。",
            "The rule a is gone (action block, mode enforce, basis [S001-3.3(3)], owner it, since 2026-01-01, when.body true).",
            id="rule gone",
        ),
        pytest.param(
            file(BASE),
            file({**BASE, "action": "hold"}),
            "规则 a：动作 由 block 改为 hold。",
            "Rule a: action block → hold.",
            id="action",
        ),
        pytest.param(
            file(BASE),
            file({**BASE, "mode": "monitor"}),
            "规则 a：模式 由 enforce 改为 monitor。",
            "Rule a: mode enforce → monitor.",
            id="mode",
        ),
        pytest.param(
            file(BASE),
            file({**BASE, "when": {"destination": {"category": ["webmail", "ai-chat"]}, "persons": 3}}),
            "规则 a：条件.destination.category 增加 ai-chat；去掉 messaging。",
            "Rule a: when.destination.category adds ai-chat; drops messaging.",
            id="words of a condition",
        ),
        pytest.param(
            file(BASE),
            file({**BASE, "when": {**BASE["when"], "persons": 9}}),
            "规则 a：条件.persons 由 3 改为 9。",
            "Rule a: when.persons 3 → 9.",
            id="number of a condition",
        ),
        pytest.param(
            file(BASE),
            file({**BASE, "when": {**BASE["when"], "any": [{"body": True}]}}),
            "规则 a：增加 条件.any.0.body = true。",
            "Rule a: when.any.0.body true is added.",
            id="one more key",
        ),
        pytest.param(
            file(BASE),
            file({**BASE, "when": {"persons": 3}}),
            "规则 a：去掉 条件.destination.category（原为 [messaging, webmail]）。",
            "Rule a: when.destination.category [messaging, webmail] is taken out.",
            id="one key less",
        ),
        pytest.param(
            file(BASE),
            file({**BASE, "says": {"zh": "不行。", "en": "It may not be sent."}}),
            "规则 a：说明.zh 由 不能发送。 改为 不行。。",
            "Rule a: says.zh 不能发送。 → 不行。.",
            id="sentence",
        ),
        pytest.param(
            file(BASE),
            file({**BASE, "basis": ["S001-3.3(3)", "S002-1"]}),
            "规则 a：依据 增加 S002-1。",
            "Rule a: basis adds S002-1.",
            id="basis",
        ),
        pytest.param(
            file(exceptions=[EXCEPTION]),
            file(exceptions=[{**EXCEPTION, "expires": date(2027, 6, 1)}]),
            "例外 E：最后一日 由 2027-01-01 改为 2027-06-01。",
            "Exception E: expires 2027-01-01 → 2027-06-01.",
            id="exception",
        ),
        pytest.param(
            file(authorised=[AUTHORISED]),
            file(authorised=[{**AUTHORISED, "class": ["personal", "account"]}]),
            "授权目的地 P：class 增加 account。",
            "Authorised destination P: class adds account.",
            id="authorised",
        ),
        pytest.param(
            file(uploads=[{"hold": "commit"}]),
            file(),
            "删除上传方式：hold commit。",
            "The entry of `uploads` is gone: hold commit.",
            id="uploads",
        ),
        pytest.param(
            file(),
            file(sensitive=[{"class": "secret", "min_confidence": 0.5}]),
            "新增敏感内容条件：class [secret], min_confidence 0.5。",
            "New condition of `sensitive`: class [secret], min_confidence 0.5.",
            id="sensitive",
        ),
        pytest.param(
            file(),
            file(failures={"crash": "hold"}),
            "未完成检查时：crash 由 block 改为 hold。",
            "Failures: crash block → hold.",
            id="failures",
        ),
        pytest.param(
            file(routes={"drive": ""}),
            file(routes={"drive": "https://drive.example/"}),
            '批准渠道：drive 由 "" 改为 https://drive.example/。',
            'Routes: drive "" → https://drive.example/.',
            id="routes",
        ),
        pytest.param(
            file(settings={"size_unit": "MB"}),
            file(),
            "设置：size_unit 由 MB 改为 MiB。",
            "Settings: size_unit MB → MiB.",
            id="settings",
        ),
        pytest.param(
            file(cases=[CASE, {**CASE, "name": "d"}]),
            file(cases=[{**CASE, "action": "hold"}, {**CASE, "name": "e"}]),
            "用例：新增 1 个，删除 1 个，改动 1 个。",
            "Cases: 1 new, 1 removed, 1 changed.",
            id="cases",
        ),
    ],
)
def test_a_change_is_one_sentence_in_each_language(old, new, zh, en):
    assert told(old, new) == [(zh, en)]


def test_every_change_is_told():
    new = {**BASE, "action": "log", "mode": "monitor", "owner": "hr", "guidance": None}
    assert [en for _, en in told(file(BASE, rule("gone")), file(new, rule("come")))] == [
        "New rule come: action block, mode enforce, basis [S001-3.3(3)], owner it, since 2026-01-01, when.body true.",
        "The rule gone is gone (action block, mode enforce, basis [S001-3.3(3)], owner it, since 2026-01-01, when.body true).",
        "Rule a: action block → log.",
        "Rule a: guidance.en Please ask. is taken out.",
        "Rule a: guidance.zh 请联系。 is taken out.",
        "Rule a: mode enforce → monitor.",
        "Rule a: owner it → hr.",
    ]
