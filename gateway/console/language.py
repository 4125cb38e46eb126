"""Which language a reader gets, and the strings in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gateway.console import words_en, words_zh

type Language = Literal["zh", "en"]

LANGUAGES: tuple[Language, ...] = ("zh", "en")
"""The first one is for readers who ask for neither."""
DICTIONARIES: Mapping[Language, Mapping[str, str]] = {"zh": words_zh.WORDS, "en": words_en.WORDS}
TAGS: Mapping[Language, str] = {"zh": "zh-CN", "en": "en"}
"""Language → BCP 47 tag for `<html lang>` and Content-Language."""
COOKIE = "sluice-lang"
"""Cookie that remembers the choice."""
MAX_RANGES = 20
"""Most entries of Accept-Language that are looked at; browsers send under ten."""


def choose(asked: str, cookie: str, accept: str) -> Language:
    """The language of a page: the URL's, else the cookie's, else the browser's best, else Chinese.

    >>> choose("", "", "fr-FR, en-GB;q=0.8, zh;q=0.5")
    'en'
    >>> choose("", "xx", "*")
    'zh'
    """
    for wanted in (asked, cookie):
        for language in LANGUAGES:
            if wanted == language:
                return language
    best: Language = LANGUAGES[0]
    best_quality = 0.0
    for entry in accept.split(",")[:MAX_RANGES]:
        tag, _, parameter = entry.partition(";")
        primary = tag.strip().lower().split("-")[0]
        quality = _quality(parameter)
        for language in LANGUAGES:
            if primary == language and quality > best_quality:
                best, best_quality = language, quality
    return best


def _quality(parameter: str) -> float:
    """The weight in `q=0.5` (RFC 9110, 12.4.2); 1 without one, 0 for nonsense."""
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    digits = value.strip()
    is_weight = name.strip().lower() == "q" and len(digits) <= 5 and digits.replace(".", "", 1).isdecimal()
    return min(float(digits), 1.0) if is_weight and digits.isascii() else 0.0


@dataclass(frozen=True, slots=True)
class Words:
    """The strings of one language."""

    language: Language

    @property
    def tag(self) -> str:
        """The language's BCP 47 tag."""
        return TAGS[self.language]

    @property
    def other(self) -> Language:
        """The other language."""
        return "en" if self.language == "zh" else "zh"

    def __call__(self, key: str, **values: object) -> str:
        """The string with its placeholders filled in; raises KeyError for a key that no dictionary has."""
        return DICTIONARIES[self.language][key].format(**values)

    def name(self, kind: str, value: object) -> str:
        """What a word of a closed set is called (`region`, `overseas`); a word from outside the set as it is.

        >>> Words("en").name("region", "overseas"), Words("en").name("region", "moon")
        ('overseas', 'moon')
        """
        return DICTIONARIES[self.language].get(f"{kind}.{value}", str(value))

    def outcome(self, outcome: str) -> str:
        """`refused (403)` in words; what it is not in the usual form, as it is.

        >>> Words("en").outcome("refused (403)"), Words("en").outcome("")
        ('refused (403)', 'under way')
        """
        if not outcome:
            return self("pending")
        kind, _, rest = outcome.partition(" (")
        text = DICTIONARIES[self.language].get(f"outcome.{kind}")
        if text is None or ("{status}" in text) != rest.endswith(")"):
            return outcome
        return text.format(status=self.name("ending", rest.removesuffix(")")))
