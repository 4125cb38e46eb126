"""Upload parsers of Python behind small servers of their own: `python python.py PARSER` prints its port and serves."""

# ruff: noqa: PLC0415 - each process imports one framework and no other
from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

type Read = tuple[str, str | None, bytes]


def answer(parts: Iterable[Read], error: str = "") -> bytes:
    """The answer every server of these tests gives."""
    told = [
        {"name": name, "filename": file_name, "content": base64.b64encode(content).decode()}
        for name, file_name, content in parts
    ]
    return json.dumps({"parts": told, "error": error}).encode("utf-8", "replace")


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing: the tests tell what they need."""


def serve_wsgi(application: Any) -> None:
    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


def lossy(text: str) -> bytes:
    """Text as bytes; what a server could not decode stays undecodable."""
    return text.encode("utf-8", "surrogateescape" if text.isprintable() else "replace")


def werkzeug() -> None:
    from werkzeug.wrappers import Request

    def application(environ: Any, start: Any) -> list[bytes]:
        parts: list[Read] = []
        error = ""
        try:
            request = Request(environ)
            parts += [(name, None, lossy(value)) for name, value in request.form.items(multi=True)]
            parts += [(name, file.filename, file.read()) for name, file in request.files.items(multi=True)]
        except Exception as problem:  # noqa: BLE001 - whatever it is, it is told
            error = type(problem).__name__
        start("200 OK", [("Content-Type", "application/json")])
        return [answer(parts, error)]

    serve_wsgi(application)


def django() -> None:
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    def view(request: HttpRequest) -> HttpResponse:
        parts: list[Read] = []
        error = ""
        try:
            parts += [(name, None, lossy(value)) for name, values in request.POST.lists() for value in values]
            parts += [(name, file.name, file.read()) for name, files in request.FILES.lists() for file in files]
        except Exception as problem:  # noqa: BLE001 - whatever it is, it is told
            error = type(problem).__name__
        return HttpResponse(answer(parts, error), content_type="application/json")

    settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=(path("", view),), SECRET_KEY="tests", LOGGING_CONFIG=None)
    import django as framework

    framework.setup()
    serve_wsgi(WSGIHandler())


def starlette() -> None:
    import socket

    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def view(request: Request) -> Response:
        parts: list[Read] = []
        error = ""
        try:
            async with request.form() as form:
                for name, value in form.multi_items():
                    if isinstance(value, str):
                        parts.append((name, None, lossy(value)))
                    else:
                        parts.append((name, value.filename, await value.read()))
        except Exception as problem:  # noqa: BLE001 - whatever it is, it is told
            error = type(problem).__name__
        return Response(answer(parts, error), media_type="application/json")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        application = Starlette(routes=[Route("/", view, methods=["POST"])])
        server = uvicorn.Server(uvicorn.Config(application, log_level="critical"))
        asyncio.run(server.serve(sockets=[listener]))


def tornado() -> None:
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets
    from tornado.web import Application, RequestHandler

    class View(RequestHandler):
        def post(self) -> None:
            parts: list[Read] = [
                (name, None, value) for name, values in self.request.body_arguments.items() for value in values
            ]
            parts += [
                (file.filename and name, file.filename, file.body)
                for name, files in self.request.files.items()
                for file in files
            ]
            self.finish(answer(parts))

    async def run() -> None:
        sockets = bind_sockets(0, "127.0.0.1")
        HTTPServer(Application([("/", View)])).add_sockets(sockets)
        print(sockets[0].getsockname()[1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(run())


if __name__ == "__main__":
    {"werkzeug": werkzeug, "django": django, "starlette": starlette, "tornado": tornado}[sys.argv[1]]()
