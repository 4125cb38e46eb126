import json

import pytest

from gateway.refusal.problem import problem
from gateway.refusal.wording import notice_of
from tests.samples import refusals
from tests.samples.refusals import INCIDENT, ground, verdict

param = pytest.param


def body(judged, first="zh", incident=INCIDENT, console_url=""):
    return json.loads(problem(notice_of(judged, incident=incident, console_url=console_url), first).body)


def test_members():
    judged = verdict(ground(), ground("cloud.personal", says=("不能上传。", "Not there.")))
    notice = notice_of(judged, incident=INCIDENT, console_url="https://sluice.example.com/")
    answer = problem(notice, "zh")
    assert answer.content_type == "application/problem+json"
    assert json.loads(answer.body) == {
        "type": "urn:sluice:rule:sensitive.unencrypted",
        "title": "已拦截 / Blocked",
        "status": 403,
        "detail": "文件没有加密，因此没有发出。 / The file is not encrypted, so it was not sent.",
        "instance": "urn:sluice:incident:019a8c1e-7f3b-7cc3-98c4-dc0c0c07398f",
        "incident": "019a8c1e-7f3b-7cc3-98c4-dc0c0c07398f",
        "rules": ["sensitive.unencrypted", "cloud.personal"],
        "guidance": "请加密后重新发送。 / Please encrypt it and send it again.",
        "sanctioned_route": "https://drive.example.com/share?a=1&b=2",
        "appeal": (
            "如认为这是误报，请把事件编号 019a8c1e-7f3b-7cc3-98c4-dc0c0c07398f 告诉信息安全部门，由其复核。 / "
            "If you think this is a mistake, give incident number 019a8c1e-7f3b-7cc3-98c4-dc0c0c07398f "
            "to the security team, who will review it. https://sluice.example.com/"
        ),
        "further": ["不能上传。 / Not there."],
        "message": notice.message("zh"),
    }


def test_english_first():
    told = body(refusals.HELD, "en")
    assert told["title"] == "Held for approval / 已暂扣待审批"
    assert told["detail"] == (
        "The file is not encrypted, so it was not sent. Nothing has been sent; approval is needed. / "
        "文件没有加密，因此没有发出。内容尚未发出，须待审批。"
    )
    assert told["guidance"].startswith("Please")
    assert told["message"].startswith("Held for approval: ")


def test_nothing_to_name():
    told = body(verdict(ground(rule="", route="", guidance=("", ""))), incident="")
    assert "instance" not in told
    assert (told["type"], told["incident"], told["rules"]) == ("about:blank", "", [])
    assert (told["guidance"], told["sanctioned_route"], told["further"]) == ("", "", [])
    assert told["appeal"].endswith("review it.")


@pytest.mark.parametrize(
    ("rule", "type_"),
    [
        param("size.messaging-file", "urn:sluice:rule:size.messaging-file", id="plain"),
        param("a b/c#d", "urn:sluice:rule:a%20b%2Fc%23d", id="not-for-urns"),
        param("规则", "urn:sluice:rule:%E8%A7%84%E5%88%99", id="chinese"),
    ],
)
def test_type_is_a_urn(rule, type_):
    assert body(verdict(ground(rule)))["type"] == type_


def test_hostile_words_stay_words():
    told = body(refusals.HOSTILE_VERDICT)
    assert told["detail"].startswith("<script>alert(1)</script>\"'& X-Evil: 1 {{ 7*7 }}]]>")
    assert set(told["type"].removeprefix("urn:sluice:rule:")).isdisjoint("<>\"' \r\n{}")
