"""The endpoint catalogue: YAML files → services and endpoints, and the match of one request in a few microseconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from gateway.destinations.entries import ServiceEntry
from gateway.destinations.facts import NO_FACTS, Facts
from gateway.destinations.hosts import HostIndex, normal_host
from gateway.destinations.locate import HeadPlace, first_in_head, head_places
from gateway.destinations.match import NO_MATCH, CatalogueMatch, Head, Pattern, loose_path, loose_query, plain_path
from gateway.destinations.shape import upload_shape
from gateway.destinations.split import Split
from gateway.destinations.tenant_headers import TenantHeader
from gateway.errors import ConfigError, Problem
from gateway.transfer import Category, Request
from gateway.yamlfile import Document, load_yaml, pydantic_problems

MAX_DIGITS = 15
"""Longest Content-Length that is a length; a petabyte has 16."""


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """One kind of request a service takes, ready to match."""

    id: str
    kind: str
    methods: frozenset[str]
    host: Pattern | None
    path: Pattern
    query: Pattern | None
    header: str
    shape: str
    ports: frozenset[int]
    many_files: bool
    reader: str
    dialect: str
    category: Category
    tenant: tuple[HeadPlace, ...]
    conversation: tuple[HeadPlace, ...]
    facts: Facts
    split: Split | None

    def fits(self, head: Head) -> bool:
        """Whether the request is one of these."""
        return (
            self.shape == head.shape
            and not self.methods.isdisjoint(head.methods)
            and (not self.header or self.header in head.headers)
            and (not self.ports or head.port in self.ports)
            and (self.path.matches(head.plain_path) or _fits(self.path, head.loose_path))
            and (self.host is None or self.host.matches(head.host))
            and (self.query is None or self.query.matches(head.query) or _fits(self.query, head.loose_query))
        )

    def step(self, head: Head) -> Split | None:
        """The request's step. What only a generous server would take for a piece is one that nobody can follow."""
        if self.split is None or not self.split.order:
            return self.split
        is_plain = self.path.matches(head.plain_path) and (self.query is None or self.query.matches(head.query))
        return self.split if is_plain else Split(step="piece")


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """One service, ready to match."""

    id: str
    name: Mapping[str, str]
    """Language (`zh`, `en`) → what people call it."""
    category: Category
    jurisdiction: str
    account: str
    dialect: str
    tenant: tuple[HeadPlace, ...]
    personal_tenants: frozenset[str]
    """Tenants that stand for private accounts; the empty one for requests without a readable tenant."""
    endpoints: tuple[Endpoint, ...]

    def match(self, head: Head, endpoint: Endpoint | None) -> CatalogueMatch:
        """What is known of the request; a private account makes an enterprise cloud a personal one."""
        tenant = first_in_head((endpoint and endpoint.tenant) or self.tenant, head)
        category = endpoint.category if endpoint else self.category
        is_personal = tenant in self.personal_tenants
        if is_personal and category is Category.ENTERPRISE_CLOUD:
            category = Category.PERSONAL_CLOUD
        return CatalogueMatch(
            service=self.id,
            endpoint=endpoint.id if endpoint else "",
            category=category,
            jurisdiction=self.jurisdiction,
            account="personal" if is_personal else self.account,
            tenant=tenant,
            conversation=first_in_head(endpoint.conversation, head) if endpoint else "",
            many_files=bool(endpoint and endpoint.many_files),
            reader=endpoint.reader if endpoint else "none",
            dialect=endpoint.dialect if endpoint else self.dialect,
            kind=endpoint.kind if endpoint else "",
            split=endpoint.step(head) if endpoint else None,
            facts=endpoint.facts if endpoint else NO_FACTS,
        )


class Catalogue:
    """All services known, found by host and then by request."""

    def __init__(self, entries: Iterable[ServiceEntry]) -> None:
        self.services: dict[str, Service] = {}
        """Id → service, in the order of the files."""
        self.tenant_headers: list[TenantHeader] = []
        self._hosts: HostIndex[Service] = HostIndex()
        self._shared: HostIndex[Service] = HostIndex()
        for entry in entries:
            self.tenant_headers += [TenantHeader(one.name, tuple(one.hosts), one.value) for one in entry.tenant_headers]
            service = self.services[entry.id] = _service(entry)
            for pattern in entry.hosts:
                self._hosts.add(pattern, service)
            for pattern in entry.shared_hosts:
                self._shared.add(pattern, service)

    def is_piecewise(self, service: str) -> bool:
        """Whether the service takes files in pieces for which only it can answer, and never whole after announcing."""
        endpoints = self.services[service].endpoints if service in self.services else ()
        steps = [endpoint.split for endpoint in endpoints if endpoint.split]
        pieces = [split for split in steps if split.step == "chunk"]
        return (
            service != "generic"
            and bool(pieces)
            and not any(s.answer for s in pieces)
            and all(split.step != "whole" for split in steps)
        )

    def match(
        self, host: str, port: int, method: str, path: str, query: str, headers: Mapping[str, str]
    ) -> CatalogueMatch:
        """What is known of one request; `headers` have lower-case names. Never raises.

        Services are asked from the most specific host pattern to the least, and before all others those that share the
        host. The endpoints of the pattern `*` speak for hosts that no other pattern names, so that no header can move
        a known host into another category. Where they say nothing, the shape of an upload does.
        """
        head = head_of(host, port, method, path, query, headers)
        known = self._hosts.find(head.host)
        found = _first_fit((*self._shared.find(head.host), *(known or self._hosts.every_host)), head)
        if found is None and not known:
            length = headers.get("content-length", "")
            size_bytes = int(length) if length.isascii() and length.isdecimal() and len(length) <= MAX_DIGITS else 0
            shape = upload_shape(Request(method, path, query, headers, size_bytes))
            found = _first_fit(self._hosts.every_host, replace(head, shape=shape)) if shape else None
        return found or (known[0].match(head, None) if known else NO_MATCH)


def _first_fit(services: Iterable[Service], head: Head) -> CatalogueMatch | None:
    for service in services:
        for endpoint in service.endpoints:
            if endpoint.fits(head):
                return service.match(head, endpoint)
    return None


def head_of(host: str, port: int, method: str, path: str, query: str, headers: Mapping[str, str]) -> Head:
    """The head in the forms that matching needs; `headers` have lower-case names. Never raises."""
    plain, loose, decoded = plain_path(path), loose_path(path), loose_query(query) if _is_odd(query) else ""
    return Head(
        host=normal_host(host),
        port=port,
        methods=_methods(method, headers),
        path=path,
        plain_path=plain,
        query=query,
        headers=headers,
        loose_path=loose if loose != plain else "",
        loose_query=decoded if decoded != query else "",
    )


def _is_odd(query: str) -> bool:
    return "%" in query or ";" in query or "+" in query


def _fits(pattern: Pattern, text: str) -> bool:
    """Whether there is another reading, and it fits."""
    return text != "" and pattern.matches(text)


def _methods(method: str, headers: Mapping[str, str]) -> frozenset[str]:
    """Every method the server may take the request for: as sent, as a header overrides it, and a WebSocket's `WS`.

    Upload protocols allow the override (tus, Google); a header more must not hide what the request is.
    """
    methods = {method.upper(), headers.get("x-http-method-override", method).upper()}
    if headers.get("upgrade", "").lower() == "websocket":
        methods.add("WS")
    return frozenset(methods)


def load_catalogue(paths: Sequence[str | Path]) -> Catalogue:
    """The catalogue in the files, and in the `*.yaml` of the folders, merged in order: a later entry replaces its id.

    Raises ConfigError with every problem of all files. Cases are left unread; `check_catalogue` runs them.
    """
    problems: list[Problem] = []
    entries: dict[str, ServiceEntry] = {}
    for path in paths:
        read = read_files(path, ServiceEntry, problems)
        entries |= {entry.id: entry for _, entry in read}
    if problems:
        raise ConfigError(problems)
    return Catalogue(entries.values())


def read_files[E: ServiceEntry](path: str | Path, form: type[E], problems: list[Problem]) -> list[tuple[Document, E]]:
    """Every file at the path that is right, in order; what is wrong with the others goes to `problems`.

    A file is read as a ServiceFile with its cases, or as a ServiceEntry without them, which takes half the time.
    """
    files = sorted(Path(path).glob("*.yaml")) if Path(path).is_dir() else [Path(path)]
    if not files:
        problems.append(Problem(str(path), 0, "the folder has no catalogue file (*.yaml)"))
    read = []
    for file in files:
        try:
            document = load_yaml(str(file))
            read.append((document, _validated(document, form)))
        except ConfigError as error:
            problems += error.problems
    return read


def _validated[E: ServiceEntry](document: Document, form: type[E]) -> E:
    value = document.value
    if isinstance(value, dict) and "cases" not in form.model_fields:
        value = {key: inner for key, inner in value.items() if key != "cases"}
    try:
        return form.model_validate(value)
    except ValidationError as error:
        raise ConfigError(pydantic_problems(document, error.errors(include_input=False), model=form)) from None


def _service(entry: ServiceEntry) -> Service:
    endpoints = tuple(
        Endpoint(
            id=one.id,
            kind=one.kind,
            methods=frozenset([one.method] if isinstance(one.method, str) else one.method),
            host=Pattern(one.host) if one.host else None,
            path=Pattern(one.path),
            query=Pattern(one.query, whole=False) if one.query else None,
            header=one.header,
            shape=one.shape or "",
            ports=frozenset(one.ports),
            many_files=one.many_files,
            reader=one.reader,
            dialect=_dialect(one.dialect or entry.dialect),
            category=one.category or entry.category,
            tenant=head_places(one.tenant),
            conversation=head_places(one.conversation),
            facts=Facts(
                name=one.name or "",
                size=one.size or "",
                tenant=tuple(one.tenant or entry.tenant),
                conversation=tuple(one.conversation),
                hashes=tuple(one.hash),
            ),
            split=one.split.split(name=one.name or "", size=one.size or "") if one.split else None,
        )
        for one in entry.endpoints
    )
    return Service(
        id=entry.id,
        name=entry.name.model_dump(),
        category=entry.category,
        jurisdiction=entry.jurisdiction,
        account=entry.account,
        dialect=_dialect(entry.dialect),
        tenant=head_places(entry.tenant),
        personal_tenants=frozenset(entry.personal_tenants),
        endpoints=endpoints,
    )


def _dialect(word: str) -> str:
    return "" if word == "none" else word
