"""What the list page shows: rows, filters with their choices, chips, and the pages before and after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.console.filters import FILTERS, PageQuery, is_ago, parse_moment
from gateway.console.formats import CHINA
from gateway.console.language import Words
from gateway.console.titles import Titles
from gateway.records.overview import KnownValues
from gateway.records.queries import IncidentRow, IncidentState
from gateway.transfer import Region

RANGES = ("24h", "7d", "30d")
"""Time ranges that are one click away."""
MAIN_FIELDS = 3
"""Controls that stand open on a narrow screen: search, action, state."""
ACTIONS = ("block", "hold")
"""Actions that make an incident."""
NEVER = datetime(2026, 1, 1, tzinfo=UTC)
"""Stands for the present where a moment does not depend on it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a select, or one link of a group."""

    value: str
    label: str
    url: str = ""
    is_set: bool = False


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter in force."""

    name: str
    """What the filter is called."""
    value: str
    url: str
    """The list without it."""


@dataclass(frozen=True, slots=True)
class Field:
    """One control of the form."""

    name: str
    value: str
    choices: tuple[Choice, ...] = ()
    kind: str = "select"
    """`select`, `text` or `datetime-local`."""


@dataclass(frozen=True, slots=True)
class ListView:
    """The list, ready to print."""

    rows: Sequence[IncidentRow]
    total: int
    fields: tuple[Field, ...]
    is_more_set: bool
    """Whether a filter is in force beyond the first three, which always stand open."""
    chips: tuple[Chip, ...]
    ranges: tuple[Choice, ...]
    older: str
    """Address of the older page; empty on the last one."""
    newer: str
    """Address of the newer page; empty on the first one."""
    newest: str
    clear: str
    waiting: str
    """Address of the open incidents."""
    json: str
    """Address of the same list in the API."""


def list_view(
    query: PageQuery,
    *,
    rows: Sequence[IncidentRow],
    total: int,
    has_older: bool,
    newer: str | None,
    known: KnownValues,
    words: Words,
    titles: Titles,
) -> ListView:
    """The page of these rows; `newer` is the `before_id` of the page before, empty for the newest, None for none."""
    return ListView(
        rows=rows,
        total=total,
        fields=_fields(query, known, words, titles),
        is_more_set=any(name in query.filters() for name in FILTERS[MAIN_FIELDS:]),
        chips=tuple(
            Chip(words(f"filter.{name}"), called(name, value, words, titles), query.url(**{name: None}))
            for name, value in query.filters().items()
        ),
        ranges=_ranges(query, words),
        older=query.url(before_id=rows[-1].id) if has_older else "",
        newer=query.url(before_id=newer or None) if newer is not None else "",
        newest=query.url(before_id=None),
        clear=PageQuery(lang=query.lang).url(),
        waiting=PageQuery(lang=query.lang, state="open").url(),
        json="/api/v1/incidents" + query.url(lang=None).removeprefix("/"),
    )


def called(name: str, value: str, words: Words, titles: Titles) -> str:
    """The value of a filter as people read it."""
    match name:
        case "action" | "state" | "region":
            return words.name(name, value)
        case "service":
            return titles.service(value, words.language)
        case "signature":
            return titles.signature(value, words.language)
        case "since" | "until" if not is_ago(value):
            return _local(value).replace("T", " ")
    return value


def _fields(query: PageQuery, known: KnownValues, words: Words, titles: Titles) -> tuple[Field, ...]:
    asked = query.filters()

    def select(name: str, values: Iterable[str]) -> Field:
        value = asked.get(name, "")
        offered = [*values] if not value or value in values else [value, *values]
        choices = (Choice(one, called(name, one, words, titles), is_set=one == value) for one in offered)
        return Field(name, value, tuple(choices))

    def moment(name: str) -> Field:
        value = asked.get(name, "")
        # A browser's clock field cannot hold "24h"; a text field keeps it when the form is sent again.
        return Field(name, value, kind="text") if is_ago(value) else Field(name, _local(value), kind="datetime-local")

    users = tuple(Choice(user, user) for user in known.users)
    return (
        Field("text", asked.get("text", ""), kind="search"),
        select("action", ACTIONS),
        select("state", [state.value for state in IncidentState]),
        Field("user", asked.get("user", ""), users, kind="text"),
        select("service", known.services),
        select("region", [region.value for region in Region]),
        select("rule", known.rules),
        select("signature", known.signatures),
        moment("since"),
        moment("until"),
    )


def _local(value: str) -> str:
    """A filter's moment for a clock field: China's time, no zone; empty for none."""
    if not value:
        return ""
    moment = parse_moment(value, NEVER).astimezone(CHINA)
    return moment.strftime("%Y-%m-%dT%H:%M:%S" if moment.second else "%Y-%m-%dT%H:%M")


def _ranges(query: PageQuery, words: Words) -> tuple[Choice, ...]:
    is_any = query.since is None and query.until is None
    every = Choice("", words("range.all"), query.url(since=None, until=None), is_any)
    return (
        *(
            Choice(
                value,
                words(f"range.{value}"),
                query.url(since=value, until=None),
                query.since == value and query.until is None,
            )
            for value in RANGES
        ),
        every,
    )
