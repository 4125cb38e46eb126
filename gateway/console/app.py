"""The console's HTTP side: health, API and pages."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse

from gateway.console.health import Health


def build_app(health: Health) -> FastAPI:
    """The application; everything it needs is given to it."""
    app = FastAPI(title="Sluice", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")

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

    return app
