"""Marks by their place."""

import time

import pytest

from gateway.detect.documents.markings import MarkingDetector
from tests.samples.cases import cases_of
from tests.samples.documents import found, made_up, shipped

DETECTOR = MarkingDetector()
STATE, COMPANY, INTERNAL = "marking.state-secret", "marking.company-secret", "marking.internal"


@pytest.mark.parametrize(("name", "text", "count"), cases_of(STATE, COMPANY, INTERNAL))
def test_cases_of_the_shipped_signatures(name: str, text: str, count: int) -> None:
    assert len({match.value for match in found(DETECTOR, shipped()[name], text)}) == count


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        # (value, confidence): the odds of the form that the place has
        (STATE, "绝密★启用前", ("绝密", 0.98)),
        (STATE, "绝 密 ★ 启用前", ("绝密", 0.98)),
        (STATE, "绝密*10年", ("绝密", 0.98)),
        (STATE, "★绝密\n正文", ("绝密", 0.98)),
        (STATE, "密级：机密", ("机密", 0.95)),
        (STATE, "密  级: 机密级", ("机密", 0.95)),
        (STATE, "密级\n机密", ("机密", 0.95)),
        (STATE, "密级\t☑机密", ("机密", 0.95)),
        (STATE, "密级定为机密。", ("机密", 0.95)),
        (STATE, "正文里说：【机密】不得翻印", ("机密", 0.9)),
        (STATE, "〔秘密〕", ("秘密", 0.9)),
        (STATE, "** 机密文件 **\n正文", ("机密", 0.9)),
        (STATE, "\n\n\n\n\n\n\n\n　机密　\n", ("机密", 0.8)),
        (STATE, "会议材料 机密 第二稿", ("机密", 0.6)),
        (STATE, "会议材料（机密）", ("机密", 0.6)),
        (STATE, "本件属于机密，请妥善保管", ("机密", 0.8)),
        (COMPANY, "ACME Inc. - TRADE SECRET", ("tradesecret", 0.7)),
        (COMPANY, "CONFIDENTIAL - ACME\nbody", ("confidential", 0.7)),
        (COMPANY, "核心商密▲", ("核心商密", 0.95)),
        (STATE, "密级为秘密。", ("秘密", 0.95)),
        (STATE, "秘密\n\n通知", ("秘密", 0.6)),
        (COMPANY, "Confidential\nbody", ("confidential", 0.6)),
        (INTERNAL, "内部资料，注意保存！", ("内部资料", 0.85)),
    ],
)
def test_the_form_gives_the_odds(name: str, text: str, expected: tuple[str, float]) -> None:
    matches = found(DETECTOR, shipped()[name], text)
    assert [(match.value, match.confidence) for match in matches] == [expected]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (STATE, "机"),
        (STATE, "他说：机密，谁也不知道。"),
        (STATE, "机密 " + "很长的一行" * 30),
        (STATE, "很长的一行" * 30 + " 机密"),
        (STATE, "机密性 完整性 可用性"),
        (STATE, "密级：绝密□ 机密□ 秘密□"),
        (STATE, "密级（机密）由保密办确定，下同。"),
        (STATE, "本件不属于机密"),
        (STATE, "公司机密★3年"),
        (STATE, "商业秘密★3年"),
        (STATE, "秘密 花园"),
        (STATE, "\n\n\n\n\n\n\n\n秘密\n"),
        (STATE, "非 机密 文件"),
        (COMPANY, "we discuss trade secrets today"),
        (COMPANY, "the word confidential\nis common"),
        (INTERNAL, "internal use only of the tool"),
    ],
)
def test_not_a_mark(name: str, text: str) -> None:
    assert found(DETECTOR, shipped()[name], text) == []


@pytest.mark.parametrize(
    ("name", "spans"),
    [
        ("机密_规划.docx", [(0, 2)]),
        ("规划（机密）机密.docx", [(3, 5), (6, 8)]),
        ("绝密行动.mp4", []),
        ("我的秘密.txt", []),
        ("秘密-会议纪要.pdf", [(0, 2)]),
        ("会议纪要.pdf", []),
    ],
)
def test_every_mark_of_a_file_name(name: str, spans: list[tuple[int, int]]) -> None:
    matches = found(DETECTOR, shipped()[STATE], "正文", name=name)
    assert [(match.start, match.end) for match in matches] == spans
    assert {match.location for match in matches} <= {"name"}


def test_the_surest_place_of_a_mark_is_told_and_its_view() -> None:
    text = "会议材料 机密 第二稿\n【机密】\n会议材料 机密 第三稿\n机密★10年\n机密★20年"
    matches = found(DETECTOR, shipped()[STATE], "无", text, extras=(("base64", "密级：绝密"),))
    assert [(match.value, match.start, match.confidence, match.view) for match in matches] == [
        ("机密", 29, 0.98, 1),
        ("绝密", 3, 0.95, 2),
    ]


@pytest.mark.parametrize(
    ("terms", "thresholds", "message"),
    [
        ({"marks": ["甲"], "words": ["乙"]}, {"line": 0.5}, "terms.words means nothing"),
        ({"marks": ["甲"]}, {"line": 0.5, "corner": 0.5}, "thresholds.corner means nothing"),
        ({"labels": ["甲"]}, {"line": 0.5}, "terms.marks and the thresholds of some forms are needed"),
        ({"marks": ["甲"]}, {}, "terms.marks and the thresholds of some forms are needed"),
    ],
)
def test_a_signature_with_data_that_means_nothing_is_refused(
    terms: dict[str, list[str]], thresholds: dict[str, float], message: str
) -> None:
    signature = made_up("marking", terms, thresholds)
    with pytest.raises(ValueError, match=message):
        list(DETECTOR.triggers({signature.name: signature}))


def test_a_signature_without_optional_groups_and_forms() -> None:
    signature = made_up("marking", {"marks": ["密件"]}, {"line": 0.5})
    assert [match.confidence for match in found(DETECTOR, signature, "密件\n正文")] == [0.5]
    assert found(DETECTOR, signature, "【密件】正文", name="密件.txt") == []


@pytest.mark.parametrize(
    "unit", ["机密的", "机密 ", "密级", "机密\n", "【机密", "本文件 ", "机密★", "机密,机密、", "绝 "], ids=repr
)
def test_hostile_texts_take_linear_time(unit: str) -> None:
    begin = time.process_time()
    found(DETECTOR, shipped()[STATE], unit * (60_000 // len(unit)))
    assert time.process_time() - begin < 5
