"""All metrics of the gateway, once: name, kind, labels, help. Code, dashboards and alerts use no other name.

Label values come from closed sets only; nothing taken from the traffic is ever a label.
"""

from __future__ import annotations

import os

from prometheus_client import Counter, Gauge, Histogram

HOLD_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Seconds; from one small message to the inspection time-out."""

TRANSFERS = Counter("sluice_transfers_total", "Transfers by final action.", ["action", "category", "region", "channel"])
TRANSFER_BYTES = Counter("sluice_transfer_bytes_total", "Body bytes as sent.", ["action", "category"])
IDENTIFIED = Counter(
    "sluice_transfers_identified_total", "Transfers by whether their sender was known.", ["identified"]
)
IDENTIFIED_BYTES = Counter(
    "sluice_transfers_identified_bytes_total", "Body bytes by whether their sender was known.", ["identified"]
)
LOGINS = Counter("sluice_logins_total", "Logins to the proxy by how they ended.", ["result"])
BLOCKED = Counter("sluice_blocked_total", "Blocked or held transfers by the rule that did it.", ["rule"])
FINDINGS = Counter("sluice_findings_total", "Findings.", ["signature", "severity"])
COVERAGE = Counter("sluice_coverage_total", "Transfers by how much of them was read.", ["coverage"])
COVERAGE_BYTES = Counter("sluice_coverage_bytes_total", "Body bytes by how much of them was read.", ["coverage"])
INSPECTION_SECONDS = Histogram(
    "sluice_inspection_seconds", "Time per stage of an inspection.", ["stage"], buckets=HOLD_BUCKETS
)
UPLOAD_HOLD_SECONDS = Histogram("sluice_upload_hold_seconds", "Last byte in to verdict recorded.", buckets=HOLD_BUCKETS)
INSPECTORS = Gauge("sluice_inspectors", "Inspector processes by state.", ["state"], multiprocess_mode="livesum")
INSPECTOR_RESTARTS = Counter("sluice_inspector_restarts_total", "Inspector processes replaced.", ["reason"])
SPOOL_BYTES = Gauge("sluice_spool_bytes", "Bytes of held uploads on disk.", multiprocess_mode="livesum")
OPEN_TRANSFERS = Gauge(
    "sluice_open_transfers", "Uploads being received, held or forwarded.", multiprocess_mode="livesum"
)
UPLOAD_PIECES = Counter(
    "sluice_upload_pieces_total", "Pieces of uploads in several requests, kept until the whole was judged.", ["hold"]
)
UPLOADS_EXPIRED = Counter("sluice_uploads_expired_total", "Uploads in several requests never completed.", ["hold"])
RECORDS_BACKLOG = Gauge(
    "sluice_records_backlog", "Journal records not yet in the store.", multiprocess_mode="livemostrecent"
)
POLICY_INFO = Gauge("sluice_policy_info", "The policy in force (1).", ["digest"], multiprocess_mode="livemax")
EXCEPTIONS_ACTIVE = Gauge(
    "sluice_exceptions_active", "Exceptions of the policy that have not expired.", multiprocess_mode="livemax"
)
POLICY_RELOAD_FAILURES = Counter("sluice_policy_reload_failures_total", "Reloads refused; the old policy stayed.")
REFUSED_CONNECTIONS = Counter(
    "sluice_refused_connections_total", "Connections closed before any request could be read.", ["reason"]
)
UNREAD_CONNECTIONS = Counter(
    "sluice_unread_connections_total", "Connections that nobody can read, by what they speak.", ["protocol", "action"]
)
PASSTHROUGH_BYTES = Counter(
    "sluice_passthrough_bytes_total", "Bytes that passed unread by somebody's word.", ["direction"]
)
PASSTHROUGH_ENTRIES = Gauge(
    "sluice_passthrough_entries", "Entries of tls.passthrough.", ["status"], multiprocess_mode="livemax"
)
FAILURES = Counter("sluice_failures_total", "Faults inside the gateway; each one refused what it touched.", ["part"])
PROCESS_RESTARTS = Counter("sluice_process_restarts_total", "Processes of the gateway started again.", ["kind"])
SANDBOX_LAYERS = Gauge(
    "sluice_sandbox_layers",
    "Sandbox layers in force in every inspector (1) or missing (0).",
    ["layer"],
    multiprocess_mode="livemin",
)
BUILD_INFO = Gauge("sluice_build_info", "Version (1).", ["version"], multiprocess_mode="livemax")

CATALOGUE = (
    TRANSFERS,
    TRANSFER_BYTES,
    IDENTIFIED,
    IDENTIFIED_BYTES,
    LOGINS,
    BLOCKED,
    FINDINGS,
    COVERAGE,
    COVERAGE_BYTES,
    INSPECTION_SECONDS,
    UPLOAD_HOLD_SECONDS,
    INSPECTORS,
    INSPECTOR_RESTARTS,
    SPOOL_BYTES,
    OPEN_TRANSFERS,
    UPLOAD_PIECES,
    UPLOADS_EXPIRED,
    RECORDS_BACKLOG,
    POLICY_INFO,
    EXCEPTIONS_ACTIVE,
    POLICY_RELOAD_FAILURES,
    REFUSED_CONNECTIONS,
    UNREAD_CONNECTIONS,
    PASSTHROUGH_BYTES,
    PASSTHROUGH_ENTRIES,
    FAILURES,
    PROCESS_RESTARTS,
    SANDBOX_LAYERS,
    BUILD_INFO,
)
"""Every metric; tests hold dashboards, alerts and documents against it."""


def is_multiprocess() -> bool:
    """Whether this process shares its metrics through files, as all processes of a running gateway do."""
    return "PROMETHEUS_MULTIPROC_DIR" in os.environ
