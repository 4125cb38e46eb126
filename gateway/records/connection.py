"""The record of a connection that nobody read: refused by what it is, or passed by somebody's word."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from gateway.findings import Inspection, PartReport, Verdict
from gateway.parts import Coverage
from gateway.records.record import build_record
from gateway.transfer import Transfer

Phase = Literal["refused", "open", "running", "closed"]


@dataclass(frozen=True, slots=True)
class Connection:
    """What a record says of a connection, beside the fields that every record has; key `connection`."""

    protocol: str
    """Name of `gateway.channels.protocols`."""
    phase: Phase = "refused"
    """`running` and `closed` tell what passed since the record before."""
    count: int = 1
    """How many attempts this record stands for."""
    last_at: str = ""
    """RFC 3339, UTC: when the last of them was made, or the last byte counted."""
    sent_bytes: int = 0
    """From the client: refused with it, or passed on."""
    received_bytes: int = 0
    """From the server."""
    opened: str = ""
    """Id of the record of the opening, in those that follow it; empty else."""
    entry: str = ""
    """Host as the list writes it, or id of the exception; empty for a refusal."""
    app: str = ""
    """Catalogue id of the app that the program says it is; empty when it says nothing."""


def inspection_of(connection: Connection, coverage: Coverage) -> Inspection:
    """An inspection that read nothing, so that the record says how much was covered."""
    part = PartReport("", "", connection.sent_bytes, "", "", "", coverage=coverage)
    return Inspection(parts=(part,))


def connection_record(
    transfer: Transfer, verdict: Verdict, connection: Connection, coverage: Coverage, *, node: str, duration_ms: float
) -> dict[str, Any]:
    """The body of a `verdict` record; without parts, because there are none, and with the key `connection`."""
    inspection = inspection_of(connection, coverage)
    record = build_record(transfer, inspection, verdict, node=node, duration_ms=duration_ms)
    return record | {"parts": [], "connection": asdict(connection)}
