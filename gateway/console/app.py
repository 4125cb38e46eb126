"""The console's HTTP side: health, API and pages."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from gateway.console import addresses, api, pac, pages
from gateway.console.addresses import AddressBook
from gateway.console.context import Context
from gateway.console.errors import (
    NO_METHOD,
    NO_STORE,
    NOT_FOUND,
    AnswerError,
    is_for_programs,
    to_problem,
    wrong_parameters,
)
from gateway.console.guard import Guard
from gateway.console.health import Health
from gateway.console.status import Board
from gateway.console.titles import Titles
from gateway.errors import RecordError
from gateway.records.store import utc_now

STATIC = Path(__file__).resolve().parent / "static"
"""Style sheet and picture of the pages."""


def build_app(
    health: Health,
    *,
    now: Callable[[], datetime] = utc_now,
    clock: Callable[[], float] = time.monotonic,
    book: AddressBook | None = None,
) -> FastAPI:
    """The application; everything it needs is given to it. Without a book there is nothing that could be changed."""
    context = Context(
        store=health.store,
        board=Board(health, now, clock),
        titles=Titles(health.settings.catalogue),
        now=now,
        listen=health.settings.console.listen,
        proxy=health.settings.listen,
        version=version("sluice-dlp"),
    )
    app = FastAPI(
        title="Sluice",
        version=context.version,
        description="Blocked and held transfers, and who has which address. Every value in a record is masked.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
    )
    app.add_middleware(Guard, listen=context.listen)
    app.include_router(api.router(context))
    if book is not None:
        app.include_router(addresses.router(book))
    app.include_router(pages.router(context))
    app.include_router(pac.router(health.settings))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _add_probes(app, health)
    _add_errors(app, context)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _add_probes(app: FastAPI, health: Health) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> PlainTextResponse:
        """The process is up."""
        return PlainTextResponse("ok\n")

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        """The gateway is able to enforce; 503 and the reasons when it is not."""
        problems = await health.problems()
        wrong = {name: problem for name, problem in problems.items() if problem}
        return JSONResponse({"ready": not wrong, "checks": problems}, status_code=503 if wrong else 200)


def _add_errors(app: FastAPI, context: Context) -> None:
    async def answer(request: Request, error: AnswerError) -> Response:
        if not is_for_programs(request):
            return pages.error_page(context, request, error)
        response = to_problem(request, error)
        if error.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    @app.exception_handler(AnswerError)
    async def answered(request: Request, error: AnswerError) -> Response:
        return await answer(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return await answer(request, wrong_parameters(request, error))

    @app.exception_handler(RecordError)
    async def no_store(request: Request, _error: RecordError) -> Response:
        return await answer(request, NO_STORE)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        response = await answer(request, NO_METHOD if error.status_code == 405 else NOT_FOUND)
        response.headers.update(error.headers or {})
        return response


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once, with errors under their own media type."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for path in document["paths"].values():
            for status, response in (pair for one in path.values() for pair in one["responses"].items()):
                if not status.startswith("2"):
                    response["content"] = {"application/problem+json": response["content"]["application/json"]}
        app.openapi_schema = document
    return app.openapi_schema
