"""`/api/v1`: the list, one incident and the status as JSON; read-only."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import ValidationError

from gateway.console.context import Context
from gateway.console.errors import NO_INCIDENT, NO_RECORD, no_parameters, once
from gateway.console.filters import ApiQuery
from gateway.console.models import PROBLEMS, Incident, IncidentList, StatusAnswer
from gateway.console.status import is_loopback


def router(context: Context) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/v1", tags=["incidents"])
    common: dict[int | str, dict[str, Any]] = {status: PROBLEMS[status] for status in (400, 421, 422, 500, 503)}

    @routes.get("/incidents", responses=common, dependencies=[Depends(once)])
    async def list_incidents(query: Annotated[ApiQuery, Query()]) -> IncidentList:
        """Blocked and held transfers, the newest first; go on with `before_id`."""
        asked = query.asked(context.now(), query.limit)
        store = context.store
        rows = await asyncio.to_thread(store.incidents, replace(asked, limit=query.limit + 1))
        total = await asyncio.to_thread(store.count, asked)
        page, more = rows[: query.limit], len(rows) > query.limit
        return IncidentList(incidents=page, total=total, next_before_id=page[-1].id if more else None)

    @routes.get("/incidents/{identity}", responses=common | {404: PROBLEMS[404]}, dependencies=[Depends(no_parameters)])
    async def get_incident(identity: Annotated[str, Path(description="id of the incident")]) -> Incident:
        """The whole record of one incident, masked, with its outcome and state."""
        return await asyncio.to_thread(read_incident, context, identity)

    @routes.get("/status", responses=common, dependencies=[Depends(no_parameters)], tags=["status"])
    async def get_status() -> StatusAnswer:
        """Whether the gateway can enforce, and what it did in the last 24 hours."""
        status = await context.board.look()
        return StatusAnswer(
            version=context.version,
            ready=not status.problems,
            checks=status.checks,
            open_incidents=status.open_incidents,
            last_24h=status.day,
            listen=str(context.listen),
            loopback_only=is_loopback(context.listen.host),
        )

    return routes


def read_incident(context: Context, identity: str) -> Incident:
    """The incident; raises AnswerError when there is none, or its record is not one."""
    record = context.store.incident(identity)
    if record is None:
        raise NO_INCIDENT
    try:
        return Incident.model_validate(_without_halves(record))
    except ValidationError:
        raise NO_RECORD from None


def _without_halves(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The value with half surrogate pairs replaced: hostile file names hold them, and they have no UTF-8."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict():
            return {_without_halves(key): _without_halves(item) for key, item in value.items()}
        case list():
            return [_without_halves(item) for item in value]
    return value
