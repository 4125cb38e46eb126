"""Verdict → the words for the refused sender, in Chinese and in English, cleaned of everything that does not print."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from gateway.findings import Action, Ground, Verdict

type Language = Literal["zh", "en"]

BETWEEN = " / "
"""Between the two languages where both have to stand on one line."""


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in both languages, each on one line; both empty when there is nothing to say."""

    zh: str = ""
    en: str = ""

    def __bool__(self) -> bool:
        return bool(self.zh or self.en)

    def of(self, language: Language) -> str:
        """The words in that language."""
        return self.zh if language == "zh" else self.en

    def both(self, first: Language) -> str:
        """Both languages on one line.

        >>> Text("已拦截", "Blocked").both("en")
        'Blocked / 已拦截'
        >>> Text().both("zh")
        ''
        """
        return BETWEEN.join(words for words in (self.of(first), self.of(other(first))) if words)


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that was wrong, and what to do about it."""

    sentence: Text
    guidance: Text = Text()
    """What to do instead; may be empty."""
    route: str = ""
    """The sanctioned route as the policy has it: not always a link; empty when it names none."""
    rule: str = ""
    basis: tuple[str, ...] = ()
    """Clauses the rule rests on."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Everything a refusal says; no markup, no line breaks, no control characters in any of it."""

    status: int
    """Of HTTP: 403 or 413."""
    is_held: bool
    """True when it waits for approval, False when it is blocked."""
    headline: Text
    state: Text
    """What happens now; empty for a block."""
    points: tuple[Point, ...]
    """Strictest first, at least one; the first is what the sender is told before all else."""
    appeal: Text
    """What to do when the refusal seems wrong."""
    appeal_url: str = ""
    """Where to appeal; empty for nowhere."""
    incident: str = ""
    """Letters, digits and `-` only; empty for none."""

    @property
    def main(self) -> Point:
        """The strictest ground."""
        return self.points[0]

    @property
    def detail(self) -> Text:
        """What was wrong, and what happens now."""
        said, state = self.main.sentence, self.state
        return Text(said.zh + state.zh, f"{said.en} {state.en}".strip())

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the rules that refused, strictest first."""
        return _once(point.rule for point in self.points)

    @property
    def basis(self) -> tuple[str, ...]:
        """Clauses that the rules rest on."""
        return _once(clause for point in self.points for clause in point.basis)

    def message(self, first: Language) -> str:
        """All a person needs, on one line: for clients that show one string."""
        route, number = self.main.route, self.incident
        zh = f"{self.headline.zh}：{self.detail.zh}{self.main.guidance.zh}"
        zh += f"合规渠道：{route} 。" if route else ""
        zh += f"事件编号：{number}。" if number else ""
        en = f"{self.headline.en}: {self.detail.en} {self.main.guidance.en}".strip()
        en += f" Approved route: {route} ." if route else ""
        en += f" Incident number: {number}." if number else ""
        return Text(zh, en).both(first)


_BLOCKED = Text("已拦截", "Blocked")
_HELD = Text("已暂扣待审批", "Held for approval")
_WAITING = Text("内容尚未发出，须待审批。", "Nothing has been sent; approval is needed.")
_SENTENCE = Text("网关不允许发送这项内容。", "The gateway does not let this content leave.")
"""For a verdict without a ground that says anything."""
_APPEAL = Text(
    "如认为这是误报，请联系信息安全部门复核。", "If you think this is a mistake, ask the security team to review it."
)
_APPEAL_NUMBERED = Text(
    "如认为这是误报，请把事件编号 {incident} 告诉信息安全部门，由其复核。",
    "If you think this is a mistake, give incident number {incident} to the security team, who will review it.",
)

_INCIDENT = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
"""Ids as `gateway.records.ids` makes them; nothing else goes into a header."""


def other(language: Language) -> Language:
    """The other of the two languages."""
    return "en" if language == "zh" else "zh"


def clean(text: str) -> str:
    r"""The text on one line, without control characters, lone surrogates and marks that turn the direction of writing.

    >>> clean("a\r\nb\u202ec"), clean("\x00 ")
    ('a b c', '')
    """
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def link(text: str) -> str:
    """The text when it is an http or https address that may be linked, else empty.

    >>> link("https://drive.example.com/x"), link("javascript:alert(1)")
    ('https://drive.example.com/x', '')
    """
    try:
        parts = urlsplit(text)
        is_link = parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in text
    except ValueError:
        return ""
    return text if is_link else ""


def refusing(verdict: Verdict) -> tuple[Ground, ...]:
    """The grounds that stopped it, strictest first."""
    return tuple(ground for ground in verdict.enforced if not ground.action.lets_through)


def refusal_status(verdict: Verdict) -> int:
    """413 when only size refused it, else 403 (INTERFACE, 4)."""
    grounds = refusing(verdict)
    return 413 if grounds and all(ground.is_size for ground in grounds) else 403


def notice_of(verdict: Verdict, *, incident: str, console_url: str) -> Notice:
    """The words of the verdict; one that would let through is told as blocked, since it was refused."""
    is_held = verdict.action is Action.HOLD
    number = incident if _INCIDENT.fullmatch(incident) else ""
    appeal = _APPEAL_NUMBERED if number else _APPEAL
    return Notice(
        status=refusal_status(verdict),
        is_held=is_held,
        headline=_HELD if is_held else _BLOCKED,
        state=_WAITING if is_held else Text(),
        points=tuple(map(_point, refusing(verdict))) or (Point(_SENTENCE),),
        appeal=Text(appeal.zh.format(incident=number), appeal.en.format(incident=number)),
        appeal_url=link(clean(console_url)),
        incident=number,
    )


def _point(ground: Ground) -> Point:
    return Point(
        sentence=_text(ground.says) or _SENTENCE,
        guidance=_text(ground.guidance),
        route=clean(ground.route),
        rule=clean(ground.rule),
        basis=_once(ground.basis),
    )


def _text(words: Mapping[str, str]) -> Text:
    """Both languages; one that is missing is told in the other."""
    zh, en = clean(words.get("zh", "")), clean(words.get("en", ""))
    return Text(zh or en, en or zh)


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cleaned for cleaned in map(clean, words) if cleaned))
