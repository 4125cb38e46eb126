"""`/api/v1/addresses`: other systems (802.1X, NAC, DHCP) tell who has an address, and until when."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway.console.errors import AnswerError, Wrong, no_parameters, once
from gateway.console.models import PROBLEMS, Problem
from gateway.identity.ip import Address, parse_ip
from gateway.identity.leases import MAX_TTL_S, FullError, Lease, LeaseError, Leases

MAX_BODY_BYTES = 4096
"""Longest body; one that is used has under two hundred."""
MAX_PAGE = 1000
"""Most entries of one answer."""
ADDRESS_ALLOWED = "one IPv4 or IPv6 address, without prefix or zone"

NO_TOKEN = AnswerError(401, "error.token", "error.token.hint")
NO_ADDRESS = AnswerError(404, "error.no-address", "error.no-address")
TOO_LONG = AnswerError(413, "error.body", "error.body.hint")
FULL = AnswerError(507, "error.full", "error.full.hint")
NOT_KEPT = AnswerError(503, "error.leases", "error.leases.hint")

log = structlog.get_logger("console")


class Change(BaseModel):
    """Who has the address from now on, until `expires` or for `ttl_s` seconds; exactly one of the two."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: Annotated[str, Field(strict=True, min_length=1, max_length=128, pattern=r"^[^\s:\x00-\x1f]+$")]
    expires: AwareDatetime | None = None
    ttl_s: Annotated[int, Field(strict=True, ge=1, le=MAX_TTL_S)] | None = None

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if (self.expires is None) == (self.ttl_s is None):
            raise ValueError("exactly one of expires and ttl_s")
        return self


class Entry(BaseModel):
    """An address that somebody has."""

    address: str
    user: str
    expires: str = Field(description="RFC 3339, UTC; the entry counts before this moment only")
    changed: str = Field(description="RFC 3339, UTC")


class EntryList(BaseModel):
    """One page, in the order of the addresses' bytes."""

    addresses: list[Entry]
    total: int = Field(description="how many there are on all pages")
    next_after: str | None = Field(description="`after` of the next page; null on the last one")


class PageQuery(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[str | None, Field(description="go on behind this address", max_length=64)] = None
    limit: Annotated[int, Field(description="most entries", ge=1, le=MAX_PAGE)] = 100


@dataclass(frozen=True, slots=True)
class AddressBook:
    """What the routes need."""

    leases: Leases
    token: str
    record: Callable[[Mapping[str, Any]], None]
    """Makes a change durable in the journal before it counts; blocks, and raises RecordError."""
    now: Callable[[], datetime]
    """Aware, UTC."""

    def has_token(self, given: str) -> bool:
        """Whether the Authorization field holds the token; the time does not tell how much of it was right."""
        scheme, _, token = given.partition(" ")
        digests = [hashlib.sha256(text.strip().encode("utf-8", "replace")).digest() for text in (token, self.token)]
        return hmac.compare_digest(*digests) and scheme.lower() == "bearer"

    def put(self, address: Address, change: Change, by: str) -> Lease:
        """Record the change, then make it; raises AnswerError or RecordError."""
        now = self.now()
        expires = change.expires or now + timedelta(seconds=change.ttl_s or 0)
        if not now < expires <= now + timedelta(seconds=MAX_TTL_S):
            raise _wrong("expires", f"a time in the next {MAX_TTL_S // 86400} days")
        said = {"user": change.user, "expires": _told(expires.timestamp())}
        self.record({"event": "address.set", "address": str(address), **said, "by": by})
        try:
            self.leases.put(address, change.user, expires.timestamp())
        except FullError:
            raise FULL from None
        log.info("address set", address=str(address), **said, by=by)
        return Lease(address, change.user, expires.timestamp(), now.timestamp())

    def delete(self, address: Address, by: str) -> None:
        """Record the end of the entry, then end it; raises AnswerError or RecordError."""
        held = self.leases.find(address)
        if held is None:
            raise NO_ADDRESS
        self.record({"event": "address.deleted", "address": str(address), "user": held.user, "by": by})
        self.leases.delete(address)
        log.info("address deleted", address=str(address), user=held.user, by=by)

    def page(self, after: Address | None, limit: int) -> EntryList:
        """One page of the entries that count now."""
        found = self.leases.after(after, limit + 1)
        more = len(found) > limit
        entries = [_entry(lease) for lease in found[:limit]]
        return EntryList(addresses=entries, total=self.leases.count(), next_after=entries[-1].address if more else None)


def router(book: AddressBook) -> APIRouter:
    """The routes; all of them want the token."""

    async def token(request: Request) -> None:
        given = request.headers.getlist("authorization")
        if len(given) != 1 or not book.has_token(given[0]):
            raise NO_TOKEN

    common: dict[int | str, dict[str, Any]] = {status: PROBLEMS[status] for status in (400, 421, 422, 500)}
    common |= {status: {"model": Problem, "description": text} for status, text in OWN_PROBLEMS.items()}
    routes = APIRouter(prefix="/api/v1", tags=["addresses"], dependencies=[Depends(token)], responses=common)

    @routes.get("/addresses", dependencies=[Depends(once)])
    async def list_addresses(query: Annotated[PageQuery, Query()]) -> EntryList:
        """Addresses that somebody has now; go on with `after`."""
        after = None if query.after is None else _address(query.after, "after")
        return await _kept(book.page, after, query.limit)

    @routes.get("/addresses/{address}", dependencies=[Depends(no_parameters)])
    async def get_address(address: str) -> Entry:
        """Who has the address now."""
        lease = await _kept(book.leases.find, _address(address))
        if lease is None:
            raise NO_ADDRESS
        return _entry(lease)

    @routes.put("/addresses/{address}", dependencies=[Depends(no_parameters)], openapi_extra=BODY)
    async def put_address(address: str, request: Request) -> Entry:
        """Say who has the address; replaces what was said before."""
        change = await _change(request)
        return _entry(await _kept(book.put, _address(address), change, _peer(request)))

    @routes.delete("/addresses/{address}", status_code=204, dependencies=[Depends(no_parameters)])
    async def delete_address(address: str, request: Request) -> Response:
        """Say that nobody has the address any more."""
        await _kept(book.delete, _address(address), _peer(request))
        return Response(status_code=204)

    return routes


OWN_PROBLEMS = {
    401: "The token is missing or wrong.",
    404: "Nobody has that address now.",
    413: f"The body is longer than {MAX_BODY_BYTES} bytes.",
    503: "The addresses or the journal cannot be written.",
    507: "As many addresses are held as may be.",
}
"""Status → description, for the OpenAPI document."""
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": Change.model_json_schema(ref_template="#/components/schemas/{model}")}
        },
    }
}


async def _kept[**P, T](function: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    try:
        return await asyncio.to_thread(function, *given, **named)
    except LeaseError:
        raise NOT_KEPT from None


async def _change(request: Request) -> Change:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise TOO_LONG
    try:
        value = json.loads(bytes(body))
        return Change.model_validate(value)
    except ValidationError as error:
        names = dict.fromkeys(str(problem["loc"][0]) if problem["loc"] else "expires" for problem in error.errors())
        wrong = [Wrong(name, "error.parameter", ALLOWED.get(name, OTHER_ALLOWED)) for name in names]
        raise AnswerError(422, "error.body", "error.body.hint", wrong) from None
    except (ValueError, RecursionError):
        raise AnswerError(422, "error.body", "error.body.hint") from None


ALLOWED = {
    "user": "a login name of 1 to 128 characters, without blanks and colons",
    "expires": "a time with its zone (2026-12-31T18:00:00+08:00); exactly one of expires and ttl_s",
    "ttl_s": f"whole seconds, 1 to {MAX_TTL_S}",
}
OTHER_ALLOWED = "user, expires, ttl_s"


def _address(text: str, name: str = "address") -> Address:
    address = parse_ip(text) if "%" not in text else None
    if address is None:
        raise _wrong(name, ADDRESS_ALLOWED)
    return address


def _wrong(name: str, allowed: str) -> AnswerError:
    return AnswerError(422, "error.parameters", "error.parameters", [Wrong(name, "error.parameter", allowed)])


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


def _entry(lease: Lease) -> Entry:
    return Entry(
        address=str(lease.address), user=lease.user, expires=_told(lease.expires_at), changed=_told(lease.changed_at)
    )


def _told(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
