"""Facts as sentences: `because` for the record, `{found}` and `{limit}` for the sender; Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.policy.facts import Fact
from gateway.policy.names import SIGNATURE_NAMES
from gateway.policy.schema import UNIT_BYTES, SizeUnit

MAX_TOLD = 4
"""Kinds of content a sentence for the sender lists before it says "and more"."""
LANGUAGES = ("zh", "en")

type Names = Mapping[str, Mapping[str, str]]


def because(facts: tuple[Fact, ...]) -> str:
    """One sentence in each language from facts alone, so that no value can be in it.

    >>> because((Fact("persons", amount=12, limit=10),))
    '涉及 12 人（阈值 10）。12 persons (threshold 10).'
    >>> because(())
    '规则条件成立。The condition of the rule holds.'
    """
    if not facts:
        return "规则条件成立。The condition of the rule holds."
    zh = "；".join(_told(fact, _ZH, _KEYS_ZH) for fact in facts)
    en = "; ".join(_told(fact, _EN, {}) for fact in facts)
    return f"{zh}。{en[0].upper()}{en[1:]}."


def fill(says: Mapping[str, str], facts: tuple[Fact, ...], *, names: Names, size_unit: SizeUnit) -> dict[str, str]:
    """The sentences with `{found}` and `{limit}` replaced; a fact that is missing leaves general words."""
    limits = [fact.limit for fact in facts if fact.kind in {"file-size", "body-size", "body-so-far"}]
    filled = {}
    for language, sentence in says.items():
        text = sentence.replace("{found}", _found(facts, names, language))
        filled[language] = text.replace("{limit}", _size(min(limits), size_unit) if limits else _NO_LIMIT[language])
    return filled


def _found(facts: tuple[Fact, ...], names: Names, language: str) -> str:
    found = sorted((fact for fact in facts if fact.kind == "found"), key=lambda fact: (-fact.amount, fact.word))
    if not found:
        return _NOTHING_NAMED[language]
    # Documents are one each: a count beside them says nothing to the sender.
    told = [
        _called(fact.word, names, language) + (f" × {fact.amount}" if fact.amount > 1 else "")
        for fact in found[:MAX_TOLD]
    ]
    joined = ("、" if language == "zh" else ", ").join(told)
    return joined + (_MORE[language] if len(found) > MAX_TOLD else "")


def _called(signature: str, names: Names, language: str) -> str:
    known = names.get(signature) or SIGNATURE_NAMES.get(signature)
    return known[language] if known else signature


def _size(size_bytes: int, unit: SizeUnit) -> str:
    """Bytes in MB of the policy's unit, without needless digits."""
    return f"{size_bytes / UNIT_BYTES[unit]:.10g} MB"


def _told(fact: Fact, templates: Mapping[str, str], keys: Mapping[str, str]) -> str:
    template = templates.get(fact.kind, "{key} {word}")
    key, _, word = fact.word.rpartition(" ")
    called = fact.word if fact.kind in _WHOLE_WORD else word
    return template.format(key=keys.get(key, key), word=called, amount=f"{fact.amount:,}", limit=f"{fact.limit:,}")


_WHOLE_WORD = frozenset({"found", "unread", "failure", "exception"})
_ZH = {
    "found": "发现 {word} × {amount}",
    "file-size": "文件 {amount} 字节，上限 {limit} 字节",
    "body-size": "请求正文 {amount} 字节，单个文件上限 {limit} 字节",
    "body-so-far": "请求正文已收到 {amount} 字节，单个文件上限 {limit} 字节",
    "persons": "涉及 {amount} 人（阈值 {limit}）",
    "encryption": "加密方式 {key}，强度 {word}，{amount} 处",
    "unread": "未能读取（{word}）{amount} 处",
    "failure": "未完成检查（{word}）",
    "exception": "例外 {word}",
}
_EN = {
    "found": "found {word} × {amount}",
    "file-size": "file of {amount} bytes, limit {limit}",
    "body-size": "request body of {amount} bytes, limit {limit} for one file",
    "body-so-far": "{amount} bytes of request body so far, limit {limit} for one file",
    "persons": "{amount} persons (threshold {limit})",
    "encryption": "encryption {key}, grade {word}, in {amount} part(s)",
    "unread": "not readable ({word}) in {amount} part(s)",
    "failure": "not inspected ({word})",
    "exception": "exception {word}",
}
_NO_LIMIT = {"zh": "规定大小", "en": "the allowed size"}
_NOTHING_NAMED = {"zh": "敏感内容", "en": "sensitive content"}
_MORE = {"zh": "等", "en": " and more"}
_KEYS_ZH = {
    "category": "目的地类别",
    "region": "目的地区域",
    "service": "服务",
    "account": "账号类型",
    "audience": "接收方",
    "tenant": "租户",
    "host": "主机",
    "channel": "通道",
    "reader": "消息读取方式",
    "sender user": "发送人",
    "sender role": "发送人角色",
    "sender department": "发送人部门",
    "sender group": "发送人所在组",
    "sender": "发送人",
}
