import re
from itertools import chain
from pathlib import Path
from string import Formatter

import pytest

from gateway.console import words_en, words_zh
from gateway.console.filters import FILTERS
from gateway.findings import Action, Severity
from gateway.parts import Coverage, Grade
from gateway.records.queries import IncidentState
from gateway.transfer import Audience, Category, Region

CONSOLE = Path(words_en.__file__).parent
FAMILIES = [
    "ending",
    "known-hash",
    "protocol",
    "action",
    "account",
    "allowed",
    "audience",
    "auth",
    "category",
    "column",
    "coverage",
    "field",
    "finding",
    "grade",
    "outcome",
    "range",
    "region",
    "role",
    "rules",
    "severity",
    "state",
    "wrong",
]
"""First words of keys that are put together at run time."""


def _placeholders(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_keys_in_the_same_order():
    assert list(words_en.WORDS) == list(words_zh.WORDS)


@pytest.mark.parametrize("key", words_en.WORDS)
def test_both_languages_say_the_same_values(key):
    assert _placeholders(words_en.WORDS[key]) == _placeholders(words_zh.WORDS[key])


def test_every_string_has_words_and_english_ones_are_ascii():
    assert all(text.strip() for text in chain(words_en.WORDS.values(), words_zh.WORDS.values()))
    assert [
        text
        for text in words_en.WORDS.values()
        if not text.isascii() and text not in {"—", words_en.WORDS["incident.path"]}
    ] == []


def test_every_key_is_used_and_every_used_key_is_there():
    sources = [*CONSOLE.glob("*.py"), *CONSOLE.glob("templates/*.html")]
    text = "\n".join(path.read_text("utf-8") for path in sources if not path.name.startswith("words_"))
    asked = set(re.findall(r"""\b(?:t|words)\(\s*["']([a-z0-9.-]+)["']\s*[,)]""", text))
    assert asked <= set(words_en.WORDS)
    unused = [key for key in words_en.WORDS if f'"{key}"' not in text and f"'{key}'" not in text]
    filters = {f"filter.{name}" for name in FILTERS}
    assert [key for key in unused if key.split(".")[0] not in FAMILIES and key not in filters] == []


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        pytest.param("action", [action.word for action in Action], id="action"),
        pytest.param("severity", list(Severity), id="severity"),
        pytest.param("coverage", list(Coverage), id="coverage"),
        pytest.param("grade", list(Grade), id="grade"),
        pytest.param("region", list(Region), id="region"),
        pytest.param("category", list(Category), id="category"),
        pytest.param("audience", list(Audience), id="audience"),
        pytest.param("state", list(IncidentState), id="state"),
        pytest.param("wrong", ["policy", "store", "journal", "inspectors", "proxy"], id="checks"),
    ],
)
def test_closed_sets_are_named_whole(kind, values):
    assert [value for value in values if f"{kind}.{value}" not in words_en.WORDS] == []
