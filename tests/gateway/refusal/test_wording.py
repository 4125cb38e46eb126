import pytest

from gateway.findings import Action, Ground, Verdict
from gateway.refusal.wording import Notice, Point, Text, clean, link, notice_of, other, refusal_status, refusing
from tests.samples import refusals
from tests.samples.refusals import INCIDENT, ground, verdict

param = pytest.param


def told(judged: Verdict, incident: str = INCIDENT, console_url: str = "") -> Notice:
    return notice_of(judged, incident=incident, console_url=console_url)


@pytest.mark.parametrize(
    ("text", "first", "expected"),
    [
        param(Text("甲", "a"), "zh", "甲 / a", id="zh"),
        param(Text("甲", "a"), "en", "a / 甲", id="en"),
        param(Text("甲", ""), "en", "甲", id="one-missing"),
        param(Text(), "zh", "", id="empty"),
    ],
)
def test_both_languages_in_order(text, first, expected):
    assert text.both(first) == expected
    assert bool(text) == bool(expected)


def test_other_language():
    assert (other("zh"), other("en")) == ("en", "zh")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        param("一句话。 Fine.", "一句话。 Fine.", id="kept"),
        param("a\r\nX-Evil: 1", "a X-Evil: 1", id="line-break"),
        param("a\u2028b\u2029c\u0085d", "a b c d", id="unicode-line-breaks"),
        param("a\x00\x1b[31mb", "a [31mb", id="control"),
        param("user\u202egnp.exe", "user gnp.exe", id="right-to-left"),
        param("a\ud800b", "a b", id="surrogate"),
        param("a\ufffeb", "a b", id="not-a-character"),
        param("\u3000\t ", "", id="only-spaces"),
    ],
)
def test_clean(text, expected):
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("text", "is_link"),
    [
        param("https://drive.example.com/a?b=c#d", True, id="https"),
        param("http://10.0.0.1:8080/", True, id="http"),
        param("HTTPS://DRIVE.EXAMPLE.COM/", True, id="upper-case"),
        param("https://网盘.example.com/", True, id="chinese-host"),
        param("", False, id="empty"),
        param("sftp://files.example.com/", False, id="other-scheme"),
        param("javascript:alert(1)", False, id="script"),
        param("javascript://example.com/%0aalert(1)", False, id="script-with-host"),
        param("data:text/html,<script>", False, id="data"),
        param("//example.com/x", False, id="no-scheme"),
        param("https:///x", False, id="no-host"),
        param("https://example.com/ onclick=x", False, id="space"),
        param("https://[::1/", False, id="broken-address"),
    ],
)
def test_link(text, is_link):
    assert link(text) == (text if is_link else "")


@pytest.mark.parametrize(
    ("judged", "status"),
    [
        param(verdict(ground(is_size=True)), 413, id="size"),
        param(verdict(ground(is_size=True), ground("b", is_size=True)), 413, id="two-sizes"),
        param(verdict(ground(is_size=True), ground("b")), 403, id="size-and-content"),
        param(verdict(ground(is_size=True), ground("b", Action.LOG)), 413, id="size-and-logged"),
        param(verdict(ground(is_size=True), ground("b", enforced=False)), 413, id="size-and-monitored"),
        param(verdict(ground(is_size=True, action=Action.HOLD), action=Action.HOLD), 413, id="size-held"),
        param(verdict(ground()), 403, id="content"),
        param(verdict(ground(is_size=True, action=Action.COACH)), 403, id="size-only-coached"),
        param(Verdict(Action.BLOCK), 403, id="no-ground"),
    ],
)
def test_status(judged, status):
    assert refusal_status(judged) == status
    assert told(judged).status == status


def test_only_what_stopped_it_is_told_strictest_first():
    judged = verdict(
        ground("logged", Action.LOG),
        ground("held", Action.HOLD, says=("暂扣。", "Held.")),
        ground("watched", enforced=False),
        ground("blocked", says=("拦截。", "Blocked.")),
        ground("coached", Action.COACH),
    )
    assert [one.rule for one in refusing(judged)] == ["blocked", "held"]
    notice = told(judged)
    assert notice.rules == ("blocked", "held")
    assert (notice.main.sentence, notice.points[1].sentence) == (Text("拦截。", "Blocked."), Text("暂扣。", "Held."))


def test_block():
    notice = told(refusals.BLOCKED, console_url="https://sluice.example.com/appeal")
    assert notice == Notice(
        status=403,
        is_held=False,
        headline=Text("已拦截", "Blocked"),
        state=Text(),
        points=(
            Point(
                Text("文件没有加密，因此没有发出。", "The file is not encrypted, so it was not sent."),
                Text("请加密后重新发送。", "Please encrypt it and send it again."),
                "https://drive.example.com/share?a=1&b=2",
                "sensitive.unencrypted",
                ("S001-3.3(3)",),
            ),
        ),
        appeal=Text(
            f"如认为这是误报，请把事件编号 {INCIDENT} 告诉信息安全部门，由其复核。",
            f"If you think this is a mistake, give incident number {INCIDENT} to the security team, who will review it.",
        ),
        appeal_url="https://sluice.example.com/appeal",
        incident=INCIDENT,
    )
    assert notice.detail == notice.main.sentence


def test_hold_says_that_it_waits_and_that_nothing_was_sent():
    notice = told(refusals.HELD)
    assert notice.is_held
    assert notice.headline == Text("已暂扣待审批", "Held for approval")
    assert notice.detail == Text(
        "文件没有加密，因此没有发出。内容尚未发出，须待审批。",
        "The file is not encrypted, so it was not sent. Nothing has been sent; approval is needed.",
    )


@pytest.mark.parametrize("action", [Action.ALLOW, Action.LOG, Action.COACH])
def test_a_verdict_that_would_let_through_is_told_as_a_block(action):
    notice = told(Verdict(action, (ground(action=action),)))
    assert (notice.status, notice.is_held, notice.rules) == (403, False, ())
    assert notice.main.sentence == Text("网关不允许发送这项内容。", "The gateway does not let this content leave.")


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        param({}, Text("网关不允许发送这项内容。", "The gateway does not let this content leave."), id="silent"),
        param({"zh": "不行。"}, Text("不行。", "不行。"), id="only-zh"),
        param({"en": "No.", "zh": " "}, Text("No.", "No."), id="only-en"),
    ],
)
def test_missing_words(says, sentence):
    notice = told(Verdict(Action.BLOCK, (Ground("a", Action.BLOCK, (), "", says),)))
    assert (notice.main.sentence, notice.main.guidance, notice.main.route) == (sentence, Text(), "")


def test_message_is_one_line_with_everything():
    assert told(refusals.BLOCKED).message("en") == (
        "Blocked: The file is not encrypted, so it was not sent. Please encrypt it and send it again. "
        "Approved route: https://drive.example.com/share?a=1&b=2 . "
        "Incident number: 019a8c1e-7f3b-7cc3-98c4-dc0c0c07398f. / "
        "已拦截：文件没有加密，因此没有发出。请加密后重新发送。"
        "合规渠道：https://drive.example.com/share?a=1&b=2 。事件编号：019a8c1e-7f3b-7cc3-98c4-dc0c0c07398f。"
    )


def test_message_without_what_is_not_there():
    judged = verdict(ground(guidance=("", ""), route=""))
    assert told(judged, incident="").message("zh") == (
        "已拦截：文件没有加密，因此没有发出。 / Blocked: The file is not encrypted, so it was not sent."
    )


@pytest.mark.parametrize(
    ("incident", "expected"),
    [
        param(INCIDENT, INCIDENT, id="uuid"),
        param("", "", id="none"),
        param("a\r\nX-Evil: 1", "", id="header-injection"),
        param("a\n", "", id="trailing-line-break"),
        param("事件", "", id="not-ascii"),
        param("a" * 65, "", id="too-long"),
    ],
)
def test_incident(incident, expected):
    notice = told(refusals.BLOCKED, incident=incident)
    assert notice.incident == expected
    assert ("事件编号" in notice.appeal.zh, "incident number" in notice.appeal.en) == (bool(expected),) * 2


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "not a link"])
def test_an_appeal_address_that_is_no_link_is_left_out(url):
    assert told(refusals.BLOCKED, console_url=url).appeal_url == ""


def test_hostile_words_are_cleaned_everywhere():
    notice = told(refusals.HOSTILE_VERDICT)
    for text in (notice.message("zh"), *notice.rules, *notice.basis, *(point.route for point in notice.points)):
        assert text.isprintable(), text
        text.encode()


def test_rules_and_clauses_are_named_once():
    notice = told(verdict(ground("a", basis=("1", "2")), ground("a", basis=("2", "3")), ground("b", basis=("", "1"))))
    assert (notice.rules, notice.basis) == (("a", "b"), ("1", "2", "3"))
