"""Verdicts that refuse, and the words in them, for tests of what the sender gets."""

from __future__ import annotations

from gateway.findings import Action, Ground, Verdict

INCIDENT = "019a8c1e-7f3b-7cc3-98c4-dc0c0c07398f"
SENTENCE_ZH = "文件没有加密，因此没有发出。"
SENTENCE_EN = "The file is not encrypted, so it was not sent."
GUIDANCE_ZH = "请加密后重新发送。"
GUIDANCE_EN = "Please encrypt it and send it again."
ROUTE = "https://drive.example.com/share?a=1&b=2"
HOSTILE = "<script>alert(1)</script>\"'&\r\nX-Evil: 1\x00\u202e{{ 7*7 }}]]>\ud800"


def ground(
    rule: str = "sensitive.unencrypted",
    action: Action = Action.BLOCK,
    *,
    says: tuple[str, str] = (SENTENCE_ZH, SENTENCE_EN),
    guidance: tuple[str, str] = (GUIDANCE_ZH, GUIDANCE_EN),
    route: str = ROUTE,
    basis: tuple[str, ...] = ("S001-3.3(3)",),
    enforced: bool = True,
    is_size: bool = False,
) -> Ground:
    """A ground that says what the constants above say."""
    return Ground(
        rule,
        action,
        basis,
        "because",
        {"zh": says[0], "en": says[1]},
        {"zh": guidance[0], "en": guidance[1]},
        route,
        enforced=enforced,
        is_size=is_size,
    )


def verdict(*grounds: Ground, action: Action = Action.BLOCK) -> Verdict:
    """A verdict on these grounds, on the plain one when there are none."""
    return Verdict(action, grounds or (ground(action=action),), "digest")


BLOCKED = verdict()
HELD = verdict(action=Action.HOLD)
HOSTILE_VERDICT = verdict(
    ground(
        rule=HOSTILE,
        says=(HOSTILE, HOSTILE),
        guidance=(HOSTILE, HOSTILE),
        route=f"javascript:{HOSTILE}",
        basis=(HOSTILE,),
    ),
    ground(rule="b", says=("第二" + HOSTILE, "second" + HOSTILE), route='https://a.example.com/"><script>'),
)
