"""The pages: list, one incident, errors; rendered here, no script needed."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.console import formats
from gateway.console.api import read_incident
from gateway.console.context import Context
from gateway.console.errors import AnswerError, once
from gateway.console.filters import PAGE_ROWS, LanguageQuery, PageQuery
from gateway.console.incident import by_severity, incident_view
from gateway.console.language import COOKIE, TAGS, Words, choose
from gateway.console.listing import MAIN_FIELDS, list_view
from gateway.console.status import Status, is_loopback
from gateway.records.overview import known_values, newer_cursor

FOLDER = Path(__file__).resolve().parent
COOKIE_S = 365 * 24 * 3600
"""How long the language is remembered."""


def templates() -> Environment:
    """The templates; everything they print is escaped."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        finalize=_printed,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (FOLDER / "static" / "console.css").read_bytes()
    environment.globals |= {
        "f": formats,
        "main_fields": MAIN_FIELDS,
        "by_severity": by_severity,
        "style_digest": hashlib.sha256(style).hexdigest()[:12],
    }
    return environment


def _printed(value: Any) -> Any:  # noqa: ANN401 - whatever a template prints
    """Text with hidden characters made visible: nothing a client chose may reorder or hide what stands on a page."""
    return formats.visible(value) if type(value) is str else value


TEMPLATES = templates()
"""Shared: it holds no state of a request."""


def router(context: Context) -> APIRouter:
    """The routes."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/", dependencies=[Depends(once)])
    async def front(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
        """The list; a form's empty fields are taken out of the address first, so that it can be passed on."""
        if set(request.query_params) != set(query.parameters()):
            return RedirectResponse(query.url(), 303)
        words = _words(request, query.lang)
        status = await context.board.look()
        html = await asyncio.to_thread(_list_page, context, words, status, query)
        return _page(html, words, query.lang)

    @routes.get("/incidents/{identity}", dependencies=[Depends(once)])
    async def incident(identity: str, request: Request, query: Annotated[LanguageQuery, Query()]) -> Response:
        """One incident."""
        words = _words(request, query.lang)
        html = await asyncio.to_thread(_incident_page, context, words, identity, query.lang)
        return _page(html, words, query.lang)

    return routes


def error_page(context: Context, request: Request, error: AnswerError) -> Response:
    """The error as a page, in the reader's language."""
    words = _words(request, request.query_params.get("lang"))
    told = [wrong.told(words).detail for wrong in error.wrong]
    detail = words(error.detail)
    title = words(error.title)
    html = _render(
        "error.html",
        context,
        words,
        None,
        switch={},
        title=title,
        details=told or ([detail] if detail != title else []),
        status_code=error.status,
    )
    return _page(html, words, None, error.status)


def _list_page(context: Context, words: Words, status: Status, query: PageQuery) -> str:
    asked = query.asked(context.now(), PAGE_ROWS)
    rows = context.store.incidents(replace(asked, limit=PAGE_ROWS + 1))
    view = list_view(
        query,
        rows=rows[:PAGE_ROWS],
        total=context.store.count(asked),
        has_older=len(rows) > PAGE_ROWS,
        newer=newer_cursor(context.store, asked) if query.before_id else None,
        known=known_values(context.store),
        words=words,
        titles=context.titles,
    )
    switch = {language: query.url(lang=language) for language in TAGS}
    return _render("list.html", context, words, query.lang, switch=switch, view=view, query=query, status=status)


def _incident_page(context: Context, words: Words, identity: str, lang: str | None) -> str:
    incident = read_incident(context, identity)
    view = incident_view(incident, words=words, titles=context.titles)
    switch = {language: f"?lang={language}" for language in TAGS}
    return _render("incident.html", context, words, lang, switch=switch, incident=incident, view=view)


def _render(template: str, context: Context, words: Words, lang: str | None, **values: Any) -> str:  # noqa: ANN401
    """The page; `lang` is the language that the address asked for, which its links keep."""
    suffix = f"?lang={lang}" if lang else ""
    return TEMPLATES.get_template(template).render(
        t=words,
        titles=context.titles,
        exposed="" if is_loopback(context.listen.host) else str(context.listen),
        proxy=str(context.proxy),
        version=context.version,
        suffix=suffix,
        home=f"/{suffix}",
        **values,
    )


def _words(request: Request, asked: str | None) -> Words:
    accept = request.headers.get("accept-language", "")
    return Words(choose(asked or "", request.cookies.get(COOKIE, ""), accept))


def _page(html: str, words: Words, asked: str | None, status: int = 200) -> Response:
    headers = {"Content-Language": words.tag, "Vary": "Accept-Language, Cookie"}
    response = HTMLResponse(html, status, headers)
    if asked:
        response.set_cookie(COOKIE, asked, max_age=COOKIE_S, httponly=True, samesite="strict")
    return response
