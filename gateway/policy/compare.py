"""What changes from one policy to another, one sentence for each change, in Chinese and English."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from gateway.policy.schema_file import PolicyFile

type Flat = dict[str, Any]
"""Dotted key → text, number or tuple of words."""

_SECTIONS = {
    "rules": ("规则", "rule"),
    "exceptions": ("例外", "exception"),
    "authorised": ("授权目的地", "authorised destination"),
}
"""Lists of entries with an id → what one entry is called."""
_LISTS = {"sensitive": ("敏感内容条件", "condition of `sensitive`"), "uploads": ("上传方式", "entry of `uploads`")}
"""Lists without ids: an entry is there or not."""
_TABLES = {
    "settings": ("设置", "settings"),
    "routes": ("批准渠道", "routes"),
    "names": ("名称", "names"),
    "failures": ("未完成检查时", "failures"),
}
_KEYS_ZH = {
    "action": "动作",
    "mode": "模式",
    "when": "条件",
    "says": "说明",
    "guidance": "指引",
    "basis": "依据",
    "owner": "负责人",
    "since": "生效日",
    "expires": "最后一日",
    "route": "渠道",
    "keep_content": "保留内容",
    "actor": "发送人",
    "destination": "目的地",
    "rules": "规则",
    "up_to_mb": "放宽上限",
    "ticket": "工单",
    "approver": "批准人",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One change."""

    zh: str
    en: str


def compare(old: PolicyFile, new: PolicyFile) -> list[Sentence]:
    """Every change that decides, or that senders read; the order of entries and comments are none. Never raises."""
    found: list[Sentence] = []
    for section, (zh, en) in _SECTIONS.items():
        before = {entry.id: flat(entry) for entry in getattr(old, section)}
        after = {entry.id: flat(entry) for entry in getattr(new, section)}
        found += _entries(before, after, zh, en)
    for section, (zh, en) in _LISTS.items():
        found += _members(_listed(old, section), _listed(new, section), zh, en)
    for section, (zh, en) in _TABLES.items():
        found += _keys(_table(old, section), _table(new, section), zh, en)
    cases = [{case.name: case for case in file.cases} for file in (old, new)]
    added, gone = len(cases[1].keys() - cases[0].keys()), len(cases[0].keys() - cases[1].keys())
    changed = sum(cases[0][name] != cases[1][name] for name in cases[0].keys() & cases[1].keys())
    if added or gone or changed:
        zh = f"用例：新增 {added} 个，删除 {gone} 个，改动 {changed} 个。"
        found.append(Sentence(zh, f"Cases: {added} new, {gone} removed, {changed} changed."))
    return found


def flat(entry: BaseModel) -> Flat:
    """The entry as dotted keys without its id; what is left out in the file is left out here, but for the mode.

    >>> from gateway.policy.schema import ExceptionEntry
    >>> sorted(flat(ExceptionEntry.model_validate({"id": "E", "rules": "a", "actor": {"user": ["b", "c"]}, "ticket": "T",
    ...     "approver": "A", "owner": "O", "expires": "2027-01-01"})).items())[0]
    ('actor.user', ('b', 'c'))
    """
    content = entry.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    content.pop("id", None)
    first = {key: getattr(entry, key) for key in ("action", "mode") if hasattr(entry, key)}
    return dict(_flattened(first | content, ""))


def _flattened(value: object, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flattened(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for index, item in enumerate(value):
            yield from _flattened(item, f"{key}.{index}")
    elif isinstance(value, list):
        yield key, tuple(sorted(map(str, value)))
    else:
        yield key, value


def _entries(before: dict[str, Flat], after: dict[str, Flat], zh: str, en: str) -> Iterator[Sentence]:
    for name in sorted(after.keys() - before.keys()):
        yield Sentence(f"新增{zh} {name}：{_whole(after[name], zh=True)}。", f"New {en} {name}: {_whole(after[name])}.")
    for name in sorted(before.keys() - after.keys()):
        yield Sentence(
            f"删除{zh} {name}（原为：{_whole(before[name], zh=True)}）。",
            f"The {en} {name} is gone ({_whole(before[name])}).",
        )
    for name in sorted(before.keys() & after.keys()):
        yield from _keys(before[name], after[name], f"{zh} {name}", f"{en} {name}")


def _keys(before: Flat, after: Flat, zh: str, en: str) -> Iterator[Sentence]:
    """Key by key; of lists of words, which come and which go."""
    subject = en[:1].upper() + en[1:]
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        named = _key_zh(key)
        if old is None:
            yield Sentence(f"{zh}：增加 {named} = {_shown(new)}。", f"{subject}: {key} {_shown(new)} is added.")
        elif new is None:
            yield Sentence(
                f"{zh}：去掉 {named}（原为 {_shown(old)}）。", f"{subject}: {key} {_shown(old)} is taken out."
            )
        elif isinstance(old, tuple) and isinstance(new, tuple):
            yield _words(zh, subject, key, set(old), set(new))
        else:
            yield Sentence(
                f"{zh}：{named} 由 {_shown(old)} 改为 {_shown(new)}。",
                f"{subject}: {key} {_shown(old)} → {_shown(new)}.",
            )


def _words(zh: str, subject: str, key: str, old: set[str], new: set[str]) -> Sentence:
    come, gone = ", ".join(sorted(new - old)), ", ".join(sorted(old - new))
    told_zh = "；".join(filter(None, (come and f"增加 {come}", gone and f"去掉 {gone}")))
    told_en = "; ".join(filter(None, (come and f"adds {come}", gone and f"drops {gone}")))
    return Sentence(f"{zh}：{_key_zh(key)} {told_zh}。", f"{subject}: {key} {told_en}.")


def _members(before: list[Flat], after: list[Flat], zh: str, en: str) -> Iterator[Sentence]:
    for entry in (entry for entry in after if entry not in before):
        yield Sentence(f"新增{zh}：{_whole(entry, zh=True)}。", f"New {en}: {_whole(entry)}.")
    for entry in (entry for entry in before if entry not in after):
        yield Sentence(f"删除{zh}：{_whole(entry, zh=True)}。", f"The {en} is gone: {_whole(entry)}.")


def _listed(file: PolicyFile, section: str) -> list[Flat]:
    return [flat(entry) for entry in getattr(file, section)]


def _table(file: PolicyFile, section: str) -> Flat:
    content = file.model_dump(mode="json", by_alias=True, include={section})[section]
    return dict(_flattened(content, ""))


def _whole(entry: Flat, *, zh: bool = False) -> str:
    """An entry on one line; sentences for senders are left out, for they are long."""
    shown = {key: value for key, value in entry.items() if key.partition(".")[0] not in {"says", "guidance"}}
    return ", ".join(f"{_key_zh(key) if zh else key} {_shown(value)}" for key, value in shown.items())


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) or '""'


def _key_zh(key: str) -> str:
    first, dot, rest = key.partition(".")
    return f"{_KEYS_ZH.get(first, first)}{dot}{rest}"
