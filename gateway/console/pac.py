"""`/proxy.pac` and `/wpad.dat`: the proxy auto-config file, for every client of the network and without a login."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from gateway.autoconfig import autoconfig
from gateway.console.errors import NOT_FOUND
from gateway.settings import Settings

PATHS = ("/proxy.pac", "/wpad.dat")
"""The usual name, and the one that WPAD asks for. Asked by machines under whatever name they know this one."""
KIND = "application/x-ns-proxy-autoconfig"
"""Netscape's media type, which browsers and Windows insist on."""
CACHE = "private, max-age=3600"
"""An hour, so that a moved gateway is found the same day; `private`, because the address depends on who asks."""


def router(settings: Settings) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    async def file(request: Request) -> Response:
        """The file, with the address of this machine that the client has reached where there are several."""
        server = request.scope.get("server")
        try:
            text = autoconfig(settings, arrived_at=str(server[0]) if server else "")
        except ValueError:
            raise NOT_FOUND from None
        return Response(text, media_type=KIND, headers={"Cache-Control": CACHE})

    for path in PATHS:
        routes.add_api_route(path, file, methods=["GET", "HEAD"], include_in_schema=False)
    return routes
