"""What no policy can turn off: a payload nobody inspected, and unread content no rule speaks of, do not leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from gateway.findings import Action, Ground, Inspection
from gateway.policy.facts import Fact, is_unread
from gateway.policy.model import Policy
from gateway.policy.schema import failure_words
from gateway.policy.words import because

NOT_INSPECTED = "gateway.not-inspected"
"""Rule id of the refusal of a payload without full inspection."""
UNREADABLE = "gateway.unreadable"
"""Rule id of the refusal of unread content that no rule of the policy speaks of."""
BUILT_IN = (NOT_INSPECTED, UNREADABLE)
BASIS = ("S003-3#3",)
"""「应当立即停止传输该信息…防止信息扩散，保存有关记录」: what cannot be judged is stopped and recorded."""

_TRY_AGAIN = {
    "zh": "请稍后重试；若仍被拒绝，请把页面上的事件编号告诉信息安全部门。",
    "en": "Please try again later; if it is refused again, give the incident number to the security team.",
}
_SAYS_BUSY = {
    "zh": "网关暂时无法完成内容检查，本次上传未发出。",
    "en": "The gateway could not inspect the upload just now, so it was not sent.",
}
_SAYS: Mapping[str, Mapping[str, str]] = {
    "timeout": {
        "zh": "内容检查超过了时限，本次上传未发出。",
        "en": "Inspecting the upload took too long, so it was not sent.",
    },
    "too-large": {
        "zh": "本次上传过大，超出了网关能够检查的范围，因此未发出。",
        "en": "The upload is larger than the gateway can inspect, so it was not sent.",
    },
    "malformed": {
        "zh": "上传请求的格式有误，网关无法确认其中内容，因此未发出。",
        "en": "The upload request is damaged and its content cannot be established, so it was not sent.",
    },
}
_SAYS_CODED = {
    "zh": "上传内容使用了网关无法还原的编码方式，因此未发出。",
    "en": "The upload is encoded in a way that the gateway cannot undo, so it was not sent.",
}
_GUIDANCE_CODED = {
    "zh": "请改用公司批准的客户端或网页；自行编写的程序请用 UTF-8 发送，不用 Content-Encoding 或只用 gzip。",
    "en": "Please use a client or web page that the company has approved; a program of your own should send UTF-8, "
    "without Content-Encoding or with gzip.",
}
_CODED = "unsupported"
"""Failure of a body whose coding nobody here undoes; `failures` counts it as `other`."""
_GUIDANCE: Mapping[str, Mapping[str, str]] = {
    "timeout": {
        "zh": "请拆分为较小的文件后再发送，或联系信息安全部门。",
        "en": "Please send it as smaller files, or contact the security team.",
    },
    "too-large": {
        "zh": "请拆分为较小的文件后再发送，或联系信息安全部门。",
        "en": "Please send it as smaller files, or contact the security team.",
    },
    "malformed": {
        "zh": "请更新所用的客户端后重新发送；若仍被拒绝，请联系信息安全部门。",
        "en": "Please update the client you use and send it again; if it is refused again, contact the security team.",
    },
}
_SAYS_UNREADABLE = {
    "zh": "上传中有网关无法读取的内容，无法确认是否可以外发。",
    "en": "The upload holds content that the gateway cannot read, so nobody can tell whether it may leave.",
}
_GUIDANCE_UNREADABLE = {
    "zh": "请改用常见的文件格式重新发送，或联系信息安全部门。",
    "en": "Please send it in a common file format, or contact the security team.",
}


def failure_word(failure: str) -> str:
    """The closed word of an inspection's failure, whose tail may speak of the content.

    >>> failure_word("malformed: two boundaries"), failure_word("eaten by the dog")
    ('malformed', 'other')
    """
    word = failure.partition(":")[0].strip()
    return word if word in failure_words() else "other"


def built_in_grounds(inspection: Inspection, judged: frozenset[int], policy: Policy) -> tuple[Ground, ...]:
    """Grounds that stand whatever the rules say; `judged` are the unread parts that a rule spoke of."""
    words = {failure_word(inspection.failure)} if inspection.failure else set()
    if inspection.rules_overtime:
        # A rule that ran over its time judged nothing: what it should have found counts as unread.
        words.add("detector-failed")
    is_coded = inspection.failure.partition(":")[0] == _CODED
    grounds = [_not_inspected(word, policy, is_coded=is_coded) for word in sorted(words)]
    left = [p for i, p in enumerate(inspection.parts) if i not in judged and is_unread(p)]
    if left:
        counted = Counter(part.reason or str(part.coverage) for part in left)
        facts = tuple(Fact("unread", word, amount) for word, amount in sorted(counted.items()))
        says, guidance = _SAYS_UNREADABLE, _GUIDANCE_UNREADABLE
        grounds.append(Ground(UNREADABLE, Action.BLOCK, BASIS, because(facts), says, guidance))
    return tuple(grounds)


def _not_inspected(word: str, policy: Policy, *, is_coded: bool) -> Ground:
    action = policy.failures.get(word, Action.BLOCK)
    says, guidance = _SAYS.get(word, _SAYS_BUSY), _GUIDANCE.get(word, _TRY_AGAIN)
    if is_coded and word == "other":
        says, guidance = _SAYS_CODED, _GUIDANCE_CODED
    return Ground(
        NOT_INSPECTED,
        action if not action.lets_through else Action.BLOCK,
        BASIS,
        because((Fact("failure", word),)),
        says,
        guidance,
    )
