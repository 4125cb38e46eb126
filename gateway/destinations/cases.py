"""The cases beside the services: a request in short, and whether the catalogue makes of it what the case says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gateway.destinations.catalogue import Catalogue, head_of, read_files
from gateway.destinations.entries import CaseEntry, ServiceFile
from gateway.destinations.locate import for_records, head_places
from gateway.destinations.match import CatalogueMatch, Head
from gateway.destinations.split import OWN_URL
from gateway.errors import ConfigError, Problem, SluiceError
from gateway.limits import Limits
from gateway.transfer import Request
from gateway.wire.places import parse_place, walk
from gateway.wire.values import read_values
from gateway.yamlfile import Document

_PORTS = {"http": 80, "https": 443, "wss": 443}


def check_catalogue(paths: Sequence[str | Path], known: set[str] | None = None) -> int:
    """How many cases came out as they say; raises ConfigError with every problem of all files, by line.

    The ids of all services are put into `known`.

    The cases of one path run in the catalogue of the paths up to it: a company's own file may take requests over from
    the shipped services without making their cases fail.
    """
    problems: list[Problem] = []
    services: dict[str, ServiceFile] = {}
    passed = 0
    for path in paths:
        read = {service.id: (document, service) for document, service in read_files(path, ServiceFile, problems)}
        services |= {name: service for name, (_, service) in read.items()}
        catalogue = Catalogue(services.values())
        for document, service in read.values():
            problems += _problems(catalogue, document, service)
            passed += len(service.cases)
    if problems:
        raise ConfigError(problems)
    if known is not None:
        known.update(services)
    return passed


def _problems(catalogue: Catalogue, document: Document, service: ServiceFile) -> list[Problem]:
    found = [
        document.problem(("cases", index), f"cases.{index}: {text}")
        for index, case in enumerate(service.cases)
        for text in differences(case, service.id, run_case(catalogue, case))
    ]
    told = {case.endpoint for case in service.cases}
    for index, endpoint in enumerate(service.endpoints):
        if endpoint.id not in told:
            text = f"endpoints.{index}: no case has the endpoint {endpoint.id}; each endpoint needs one"
            found.append(document.problem(("endpoints", index), text))
    return found


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What the catalogue makes of a case; empty where it says nothing."""

    service: str
    endpoint: str = ""
    kind: str = ""
    tenant: str = ""
    conversation: str = ""
    name: str = ""
    size: int | None = None
    hash: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    gives_url: tuple[str, ...] = ()
    error: str = ""
    """Why the body cannot be read."""


def run_case(catalogue: Catalogue, case: CaseEntry) -> CaseResult:
    """Everything the catalogue knows of the request and of the answer to it."""
    method, _, url = case.request.partition(" ")
    parts = urlsplit(url)
    headers = dict(case.headers)
    if method == "WS":
        method, headers = "GET", {**headers, "upgrade": "websocket"}
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    match = catalogue.match(host, port, method, parts.path, parts.query, headers)
    head = head_of(host, port, method, parts.path, parts.query, headers)
    try:
        return _result(match, case, _Values(head, case.body))
    except (SluiceError, ValueError, RecursionError) as error:
        return CaseResult(match.service, match.endpoint, match.kind, error=str(error))


def _result(match: CatalogueMatch, case: CaseEntry, values: _Values) -> CaseResult:
    facts, split = match.facts, match.split
    size = values.first([facts.size] if facts.size else [])
    keys = [text for text in split.key if text not in OWN_URL] if split else []
    return CaseResult(
        service=match.service,
        endpoint=match.endpoint,
        kind=match.kind,
        tenant=match.tenant or values.for_records(facts.tenant),
        conversation=match.conversation or values.for_records(facts.conversation),
        name="".join(values.first([facts.name] if facts.name else [])[:1]),
        size=int(size[0]) if size and size[0].isdecimal() else None,
        hash=tuple(value for text in facts.hashes for value in values.at(text)),
        key=values.first(keys),
        gives=_in_response(split.gives if split else (), case),
        gives_url=_in_response(split.gives_url if split else (), case),
    )


@dataclass(frozen=True, slots=True)
class _Values:
    """The request of a case, asked for what stands at a place."""

    head: Head
    body: str

    def at(self, text: str) -> tuple[str, ...]:
        place = parse_place(text)
        if place.in_body:
            request = Request(headers=self.head.headers)
            return read_values(request, self.body.encode(), [text], limits=Limits()).get(text, ())
        (found,) = head_places([text])
        value = found.locator.read(self.head)
        return tuple(walk(json.loads(value), place.steps)) if value and place.steps else (value,) * bool(value)

    def first(self, texts: Iterable[str]) -> tuple[str, ...]:
        return next((values for text in texts if (values := self.at(text))), ())

    def for_records(self, texts: Iterable[str]) -> str:
        found = ((value, parse_place(text).is_secret) for text in texts for value in self.at(text)[:1])
        return next((for_records(value, is_secret=is_secret) for value, is_secret in found), "")


def _in_response(texts: Iterable[str], case: CaseEntry) -> tuple[str, ...]:
    headers: Mapping[str, str] = case.response.headers if case.response else {}
    body = json.loads(case.response.body) if case.response and case.response.body else None
    found: list[str] = []
    for text in texts:
        place = parse_place(text)
        kind, _, name = place.head.partition(":")
        found += [headers[name]] if kind == "header" and name in headers else []
        found += walk(body, place.steps) if not place.head else ()
    return tuple(found)


def differences(case: CaseEntry, service: str, result: CaseResult) -> list[str]:
    """One sentence for every fact that is not what the case says; for another service, that alone."""
    if result.service != service:
        return [f"service is {result.service!r}, the case says {service!r}"]
    if result.error:
        return [f"request or response cannot be read: {result.error}"]
    names = ("endpoint", "kind", "tenant", "conversation", "name", "size", "hash", "key", "gives", "gives_url")
    sentences = []
    for name in names:
        got, expected = getattr(result, name), getattr(case, name)
        if isinstance(got, tuple):
            got = list(got)
        if got != expected:
            sentences.append(f"{name} is {got!r}, the case says {expected!r}")
    return sentences
