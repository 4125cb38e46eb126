import pytest

from gateway.console.incident import by_severity, incident_view
from gateway.console.language import Words
from gateway.console.models import Finding, Incident, Part, Rule
from gateway.console.titles import Titles
from gateway.settings import Settings
from tests.samples.incidents import RECORDS


@pytest.fixture(scope="module")
def titles():
    return Titles(Settings().catalogue)


@pytest.fixture
def view(titles):
    def shown(incident, language="zh"):
        return incident_view(Incident.model_validate(incident), words=Words(language), titles=titles)

    return shown


def test_who_where_and_what_was_found(view):
    shown = view(RECORDS[0])
    assert (shown.who, shown.where) == ("li.wei", "Slack")
    assert [(found.signature, found.count, found.severity) for found in shown.found] == [
        ("cn.resident-id", 12, "high"),
        ("cn.mobile", 12, "medium"),
    ]
    assert [rule.id for rule in shown.rules] == [
        "sensitive.unencrypted",
        "overseas.personal-information",
        "draft.source-code",
    ]
    assert [(node.level, node.label) for node in shown.nodes] == [
        (0, "客户资料.zip"),
        (1, "说明.txt"),
        (1, "2026/名单.xlsx"),
        (1, "旧版.zip"),
        (2, "合同.pdf"),
    ]


def test_the_sentences_are_those_that_the_sender_got(view):
    sentences = view(RECORDS[0], "en").sentences
    assert [sentence.rule for sentence in sentences] == ["sensitive.unencrypted", "overseas.personal-information"]
    assert sentences[0].says.startswith("The upload holds sensitive information")
    assert sentences[0].other_says == "上传内容中有未加密的敏感信息（居民身份证号 × 12），因此没有发出。"
    assert sentences[1].guidance == "Please register with the data-compliance officer."


def test_a_sentence_in_the_other_language_is_better_than_none(view):
    rule = {"id": "r", "action": "block", "says": {"zh": "不行。"}, "guidance": {"zh": "问。"}}
    (sentence,) = view({"id": "x", "verdict": {"rules": [rule]}}, "en").sentences
    assert (sentence.says, sentence.guidance, sentence.other_says, sentence.other_guidance) == (
        "不行。",
        "问。",
        "",
        "",
    )


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param({"action": "log", "says": {"zh": "x"}}, id="lets through"),
        pytest.param({"action": "block", "says": {"zh": "x"}, "enforced": False}, id="on monitor"),
        pytest.param({"action": "block"}, id="says nothing"),
        pytest.param({"action": "later", "says": {"zh": "x"}}, id="unknown action"),
    ],
)
def test_rules_that_told_the_sender_nothing(view, rule):
    assert view({"id": "x", "verdict": {"rules": [rule]}}).sentences == ()


def test_an_empty_record_has_a_page(view):
    shown = view({"id": "x"})
    assert (shown.who, shown.where, shown.nodes, shown.found, shown.rules) == ("身份不明", "", (), (), ())
    assert shown.is_nameless is False


def test_an_unknown_sender_is_an_address_and_an_unknown_service_a_host(view):
    shown = view(RECORDS[4])
    assert (shown.who, shown.where) == ("10.0.0.99", "drop.example.net")


def test_a_state_secret_leaves_no_name(view):
    shown = view(RECORDS[3])
    assert shown.is_nameless is True
    assert [node.label for node in shown.nodes] == [""]


def test_order_of_findings_and_rules(view):
    findings = [Finding(signature=name, severity=name) for name in ("low", "odd", "critical", "high", "medium")]
    assert [one.signature for one in by_severity(findings)] == ["critical", "high", "medium", "low", "odd"]
    parts = [Part(findings=[Finding(signature="a", count=2, severity="low")]) for _ in range(3)]
    rules = [
        Rule(id="log", action="log"),
        Rule(id="watch", action="block", enforced=False),
        Rule(id="odd", action="odd"),
        Rule(id="hold", action="hold"),
    ]
    shown = view(
        {
            "id": "x",
            "parts": [part.model_dump() for part in parts],
            "verdict": {"rules": [rule.model_dump() for rule in rules]},
        }
    )
    assert [(found.signature, found.count) for found in shown.found] == [("a", 6)]
    assert [rule.id for rule in shown.rules] == ["hold", "log", "odd", "watch"]


@pytest.mark.parametrize(
    ("record", "key"),
    [
        pytest.param({"verdict": {"action": "block"}}, "block", id="blocked"),
        pytest.param({"verdict": {"action": "hold"}}, "hold", id="held"),
        pytest.param(
            {"verdict": {"action": "block"}, "connection": {"protocol": "ssh"}}, "connection", id="connection"
        ),
    ],
)
def test_the_headline_says_what_was_refused(view, record, key):
    assert view({"id": "x"} | record).summary == f"incident.summary.{key}"
