"""The filters of the list: query parameters → IncidentFilter, and back into URLs. The URL is the whole state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import urlencode

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from gateway.console.formats import CHINA
from gateway.console.words_en import WORDS
from gateway.records.queries import IncidentFilter

PAGE_ROWS = 50
"""Rows of one page of the list."""
MAX_API_ROWS = 200
"""Most rows of one answer of the API; more come with `before_id`."""
MAX_CHARS = 200
"""Longest value of a filter; user names and file names are shorter."""
MAX_MOMENT_CHARS = 40
"""Longest moment; RFC 3339 with a zone has under 36."""
YEARS = (1970, 9000)
"""First and last year a filter takes; outside them other zones or text order break."""

_AGO = re.compile(r"([1-9][0-9]{0,3})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


def parse_moment(text: str, now: datetime) -> datetime:
    """The moment that a filter names: a date, a time, or how long before `now`; aware, UTC.

    Without a zone it is China's clock. Raises ValueError for anything else.

    >>> parse_moment("24h", datetime(2026, 3, 2, tzinfo=UTC)).isoformat()
    '2026-03-01T00:00:00+00:00'
    >>> parse_moment("2026-03-01", datetime(2026, 3, 2, tzinfo=UTC)).isoformat()
    '2026-02-28T16:00:00+00:00'
    """
    if ago := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    if "T" in text:
        text = text.replace(" ", "+")  # what a URL makes of a + that was not escaped
    moment = datetime.fromisoformat(text)
    if not YEARS[0] <= moment.year <= YEARS[1]:
        raise ValueError("not a year of ours")
    return (moment if moment.tzinfo else moment.replace(tzinfo=CHINA)).astimezone(UTC)


def is_ago(text: str) -> bool:
    """Whether the moment is told as a time before now."""
    return _AGO.fullmatch(text) is not None


def _moment(text: str) -> str:
    parse_moment(text, datetime(2026, 1, 1, tzinfo=UTC))
    return text


def _none_for_empty(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _described(name: str) -> str:
    return WORDS[f"allowed.{name}"]


# No `type` statements here: each would become a schema of its own in the OpenAPI document.
EMPTY = BeforeValidator(_none_for_empty)
"""An empty field of a form asks for nothing."""
Value = Annotated[str, BeforeValidator(_stripped), Field(max_length=MAX_CHARS)]
Moment = Annotated[str, BeforeValidator(_stripped), Field(max_length=MAX_MOMENT_CHARS), AfterValidator(_moment)]
Identity = Annotated[str, Field(pattern=_ID)]
ActionWord = Literal["block", "hold"]
StateWord = Literal["open", "released", "closed"]
RegionWord = Literal["domestic", "overseas", "hk-mo-tw", "private", "unknown"]
LanguageWord = Literal["zh", "en"]


class IncidentQuery(BaseModel):
    """Filters of the list as the URL spells them; None and empty ask for nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Annotated[Value | None, EMPTY] = Field(default=None, description=_described("text"))
    action: Annotated[ActionWord | None, EMPTY] = Field(default=None, description=_described("action"))
    state: Annotated[StateWord | None, EMPTY] = Field(default=None, description=_described("state"))
    user: Annotated[Value | None, EMPTY] = Field(default=None, description=_described("user"))
    service: Annotated[Value | None, EMPTY] = Field(default=None, description=_described("service"))
    region: Annotated[RegionWord | None, EMPTY] = Field(default=None, description=_described("region"))
    rule: Annotated[Value | None, EMPTY] = Field(default=None, description=_described("rule"))
    signature: Annotated[Value | None, EMPTY] = Field(default=None, description=_described("signature"))
    since: Annotated[Moment | None, EMPTY] = Field(default=None, description=_described("since"))
    until: Annotated[Moment | None, EMPTY] = Field(default=None, description=_described("until"))
    before_id: Annotated[Identity | None, EMPTY] = Field(default=None, description=_described("before_id"))

    def filters(self) -> dict[str, str]:
        """The filters that ask for something: name → value, in the order of the form."""
        return {name: value for name in FILTERS if (value := getattr(self, name))}

    def asked(self, now: datetime, limit: int) -> IncidentFilter:
        """The question for the store."""
        filters = self.filters()
        since, until = (
            parse_moment(filters.pop(name), now) if name in filters else None for name in ("since", "until")
        )
        return IncidentFilter(**filters, since=since, until=until, limit=limit, before_id=self.before_id or "")


class PageQuery(IncidentQuery):
    """What the address of the list may hold."""

    lang: Annotated[LanguageWord | None, EMPTY] = Field(default=None, description=_described("lang"))

    def parameters(self) -> dict[str, str]:
        """All that is given, so that the same page comes again."""
        more = {"before_id": self.before_id, "lang": self.lang}
        return self.filters() | {name: value for name, value in more.items() if value}

    def url(self, **changes: str | None) -> str:
        """The address of the list with these parameters changed, None for without; a changed filter starts at the top.

        >>> PageQuery(action="hold", user="李伟").url(action=None, region="overseas")
        '/?user=%E6%9D%8E%E4%BC%9F&region=overseas'
        """
        keep = self.parameters()
        if any(name in FILTERS for name in changes):
            keep.pop("before_id", None)
        merged: Mapping[str, str | None] = keep | changes
        ordered = {name: value for name in (*FILTERS, "before_id", "lang") if (value := merged.get(name))}
        return f"/?{urlencode(ordered, errors='replace')}" if ordered else "/"


class LanguageQuery(BaseModel):
    """What the address of one incident may hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lang: Annotated[LanguageWord | None, EMPTY] = Field(default=None, description=_described("lang"))


class ApiQuery(IncidentQuery):
    """What the address of the API's list may hold."""

    limit: int = Field(default=PAGE_ROWS, ge=1, le=MAX_API_ROWS, description=_described("limit"))


FILTERS = tuple(name for name in IncidentQuery.model_fields if name != "before_id")
"""Names of the filters in the order of the form."""
