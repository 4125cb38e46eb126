"""Every error as one value, told as problem+json to programs and as a page to people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from gateway.console.filters import FILTERS
from gateway.console.formats import shown
from gateway.console.language import Words
from gateway.console.models import Problem, WrongParameter
from gateway.errors import SluiceError

_PARAMETERS = (*FILTERS, "before_id")
NO_NAMES = "—"
"""Stands for an empty list of names."""
MAX_TOLD = 20
"""Most wrong parameters that are listed."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """One wrong parameter."""

    name: str
    key: str
    """Which sentence tells it: `error.parameter`, `error.unknown-parameter` or `error.twice`."""
    allowed: str = ""
    """For an unknown parameter: the names there are."""

    def told(self, words: Words) -> WrongParameter:
        """In a language."""
        allowed = self.allowed or words(f"allowed.{self.name}")
        sentence = words(self.key, name=shown(self.name), allowed=allowed)
        return WrongParameter(parameter=self.name, detail=sentence, allowed=allowed)


class AnswerError(SluiceError):
    """A request that gets an error; title and detail are keys of the dictionaries."""

    def __init__(self, status: int, title: str, detail: str, wrong: Sequence[Wrong] = ()) -> None:
        self.status, self.title, self.detail, self.wrong = status, title, detail, tuple(wrong[:MAX_TOLD])
        super().__init__(f"{status} {title}")


NOT_FOUND = AnswerError(404, "error.not-found", "error.not-found")
NO_INCIDENT = AnswerError(404, "error.no-incident", "error.no-incident.hint")
NO_METHOD = AnswerError(405, "error.method", "error.method")
NO_STORE = AnswerError(503, "error.store", "list.broken.hint")
NO_RECORD = AnswerError(500, "error.record", "error.record.hint")


def is_for_programs(request: Request) -> bool:
    """Whether the address is the API's."""
    return request.url.path.startswith("/api/")


def wrong_parameters(request: Request, error: RequestValidationError) -> AnswerError:
    """The parameters that the framework refused; every one of them, each once."""
    names = _names(request)
    found: dict[str, Wrong] = {}
    for problem in error.errors():
        name = str(problem["loc"][1]) if len(problem["loc"]) > 1 else ""
        if name in names:
            found.setdefault(name, Wrong(name, "error.parameter"))
        else:
            found.setdefault(name, Wrong(name, "error.unknown-parameter", ", ".join(names)))
    return AnswerError(422, "error.parameters", "error.parameters", list(found.values()))


def once(request: Request) -> None:
    """Raises AnswerError when a parameter is given twice: one of the two values would silently count for nothing."""
    given = Counter(name for name, _ in request.query_params.multi_items())
    if twice := [Wrong(name, "error.twice") for name in _names(request) if given[name] > 1]:
        raise AnswerError(400, "error.parameters", "error.parameters", twice)


def no_parameters(request: Request) -> None:
    """Raises AnswerError when the address has any parameter."""
    if given := dict.fromkeys(request.query_params):
        wrong = [Wrong(name, "error.unknown-parameter", NO_NAMES) for name in given]
        raise AnswerError(422, "error.parameters", "error.parameters", wrong)


def to_problem(request: Request, error: AnswerError) -> JSONResponse:
    """The error for a program, in English."""
    words = Words("en")
    told = [wrong.told(words) for wrong in error.wrong]
    problem = Problem(
        title=words(error.title),
        status=error.status,
        detail=" ".join(one.detail for one in told) or words(error.detail),
        instance=request.url.path,
        errors=told,
    )
    content: dict[str, Any] = problem.model_dump()
    return JSONResponse(content, error.status, media_type="application/problem+json")


def _names(request: Request) -> tuple[str, ...]:
    """Parameters of the address that was asked for."""
    if request.url.path.startswith("/incidents/"):
        return ("lang",)
    return (*_PARAMETERS, "limit" if is_for_programs(request) else "lang")
