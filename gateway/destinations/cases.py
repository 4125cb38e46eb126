"""The cases beside the services: a request in short, and whether the catalogue makes of it what the case says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from gateway.destinations.catalogue import Catalogue, read_files
from gateway.destinations.entries import CaseEntry, ServiceFile
from gateway.destinations.match import CatalogueMatch
from gateway.errors import ConfigError, Problem
from gateway.yamlfile import Document

_PORTS = {"http": 80, "https": 443, "wss": 443}


def check_catalogue(paths: Sequence[str | Path]) -> int:
    """How many cases came out as they say; raises ConfigError with every problem of all files, by line.

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
            found = _problems(catalogue, document, service)
            problems += found
            passed += len(service.cases)
    if problems:
        raise ConfigError(problems)
    return passed


def _problems(catalogue: Catalogue, document: Document, service: ServiceFile) -> list[Problem]:
    found = [
        document.problem(("cases", index), f"cases.{index}: {text}")
        for index, case in enumerate(service.cases)
        for text in differences(case, service.id, match_case(catalogue, case))
    ]
    told = {case.endpoint for case in service.cases}
    for index, endpoint in enumerate(service.endpoints):
        if endpoint.id not in told:
            text = f"endpoints.{index}: no case has the endpoint {endpoint.id}; each endpoint needs one"
            found.append(document.problem(("endpoints", index), text))
    return found


def match_case(catalogue: Catalogue, case: CaseEntry) -> CatalogueMatch:
    """What the catalogue makes of the request of the case."""
    method, _, url = case.request.partition(" ")
    parts = urlsplit(url)
    headers = dict(case.headers)
    if method == "WS":
        method, headers = "GET", {**headers, "upgrade": "websocket"}
    port = parts.port or _PORTS[parts.scheme]
    return catalogue.match(parts.hostname or "", port, method, parts.path, parts.query, headers)


def differences(case: CaseEntry, service: str, match: CatalogueMatch) -> list[str]:
    """One sentence for every fact that is not what the case says; for another service, that alone."""
    if match.service != service:
        return [f"service is {match.service!r}, the case says {service!r}"]
    expected = {
        "endpoint": case.endpoint,
        "kind": case.kind,
        "tenant": case.tenant,
        "conversation": case.conversation,
    }
    return [
        f"{name} is {getattr(match, name)!r}, the case says {value!r}"
        for name, value in expected.items()
        if getattr(match, name) != value
    ]
