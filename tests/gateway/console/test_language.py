import pytest

from gateway.console.language import Words, choose


@pytest.mark.parametrize(
    ("asked", "cookie", "accept", "expected"),
    [
        pytest.param("", "", "", "zh", id="nothing: Chinese"),
        pytest.param("en", "zh", "zh", "en", id="the address first"),
        pytest.param("", "en", "zh-CN", "en", id="then the cookie"),
        pytest.param("fr", "de", "en", "en", id="what there is not counts for nothing"),
        pytest.param("", "", "en-US,en;q=0.9,zh;q=0.8", "en", id="browser in English"),
        pytest.param("", "", "zh-CN,zh;q=0.9,en;q=0.8", "zh", id="browser in Chinese"),
        pytest.param("", "", "fr, en;q=0.1", "en", id="the only one we have"),
        pytest.param("", "", "zh;q=0.2, en;q=0.3", "en", id="by weight"),
        pytest.param("", "", "en;q=0", "zh", id="weight nought is a refusal"),
        pytest.param("", "", "en;q=high", "zh", id="weight that is no number"),
        pytest.param("", "", "en;q=0.3.3", "zh", id="weight with two points"),
        pytest.param("", "", "en;q=٠٫٩", "zh", id="weight in other digits"),
        pytest.param("", "", "en;level=1", "zh", id="another parameter"),
        pytest.param("", "", "en;q=9", "en", id="weight over one"),
        pytest.param("", "", ",;,=;q=,", "zh", id="nonsense"),
        pytest.param("", "", "fr," * 20 + "en", "zh", id="more than anybody sends"),
    ],
)
def test_choose(asked, cookie, accept, expected):
    assert choose(asked, cookie, accept) == expected


def test_words_fill_in_values():
    assert Words("zh")("list.count", count="12") == "共 12 条"
    assert Words("en")("list.count", count="12") == "12 in all"
    with pytest.raises(KeyError):
        Words("en")("no.such.key")


def test_language_tags():
    assert [(Words(language).tag, Words(language).other) for language in ("zh", "en")] == [
        ("zh-CN", "en"),
        ("en", "zh"),
    ]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param("", "进行中", id="not known yet"),
        pytest.param("refused (403)", "已拒绝（403）", id="refused"),
        pytest.param("refused (closed)", "已拒绝（连接已关闭）", id="closed"),
        pytest.param("forwarded (200)", "已转发（200）", id="forwarded"),
        pytest.param("aborted", "连接中断", id="aborted"),
        pytest.param("aborted (1)", "aborted (1)", id="a status where none belongs"),
        pytest.param("refused", "refused", id="no status"),
        pytest.param("lost (9)", "lost (9)", id="unknown"),
    ],
)
def test_outcome(outcome, expected):
    assert Words("zh").outcome(outcome) == expected


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [("region", "overseas", "境外"), ("region", "moon", "moon"), ("region", "", ""), ("region", None, "None")],
)
def test_words_of_closed_sets(kind, value, expected):
    assert Words("zh").name(kind, value) == expected
