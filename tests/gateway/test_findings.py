import pytest

from gateway.findings import Action, Finding, Ground, Inspection, PartReport, Severity, Verdict
from gateway.parts import Coverage

param = pytest.param


@pytest.mark.parametrize(
    ("action", "word", "lets_through"),
    [
        param(Action.ALLOW, "allow", True, id="allow"),
        param(Action.LOG, "log", True, id="log"),
        param(Action.COACH, "coach", True, id="coach"),
        param(Action.HOLD, "hold", False, id="hold"),
        param(Action.BLOCK, "block", False, id="block"),
    ],
)
def test_actions(action, word, lets_through):
    assert (action.word, action.lets_through) == (word, lets_through)


def test_actions_are_ordered_by_strictness():
    assert sorted(Action) == [Action.ALLOW, Action.LOG, Action.COACH, Action.HOLD, Action.BLOCK]


def report(coverage):
    return PartReport("a", "a", 1, "00", "", "text/plain", coverage=coverage)


@pytest.mark.parametrize(
    ("parts", "failure", "expected"),
    [
        param([], "", Coverage.INSPECTED, id="nothing to read"),
        param([Coverage.INSPECTED, Coverage.INSPECTED], "", Coverage.INSPECTED, id="all read"),
        param([Coverage.PARTIAL, Coverage.ENCRYPTED], "", Coverage.PARTIAL, id="the worst part"),
        param([], "timeout", Coverage.TIMEOUT, id="timeout"),
        param([], "too-large: max_body_bytes", Coverage.TOO_LARGE, id="too large"),
        param([], "crash", Coverage.MALFORMED, id="crash"),
        param([], "a word nobody listed", Coverage.MALFORMED, id="unknown failure"),
        param([Coverage.MALFORMED], "timeout", Coverage.MALFORMED, id="a part worse than the failure"),
        param([Coverage.INSPECTED], "timeout", Coverage.TIMEOUT, id="a failure worse than the parts"),
    ],
)
def test_coverage_of_an_inspection(parts, failure, expected):
    assert Inspection(parts=tuple(report(each) for each in parts), failure=failure).coverage is expected


def ground(rule, action, **more):
    return Ground(rule=rule, action=action, basis=("S001-3.3(2)",), because="it held", **more)


def test_enforced_grounds_come_strictest_first_and_without_those_on_monitor():
    verdict = Verdict(
        Action.BLOCK,
        (
            ground("log", Action.LOG),
            ground("block", Action.BLOCK),
            ground("monitored", Action.BLOCK, enforced=False),
            ground("hold", Action.HOLD),
        ),
    )

    assert [each.rule for each in verdict.enforced] == ["block", "hold", "log"]


def test_a_verdict_without_grounds_enforces_nothing():
    assert Verdict(Action.ALLOW).enforced == ()


def test_shared_defaults_cannot_be_changed():
    with pytest.raises(TypeError):
        ground("x", Action.LOG).says["zh"] = "x"
    with pytest.raises(TypeError):
        Inspection().distinct["cn.mobile"] = 1


def test_severity_words():
    assert [str(word) for word in Severity] == ["low", "medium", "high", "critical"]
    assert Finding("cn.mobile", 1, Severity.LOW, 0.9).sample == ""
