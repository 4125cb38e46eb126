import os
import re
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.channels.protocols import PROTOCOLS
from gateway.findings import Action, Severity
from gateway.identity.logins import LoginResult
from gateway.inspectors.deaths import End
from gateway.inspectors.sandbox import Layer
from gateway.parts import Coverage
from gateway.policy.builtin import BUILTIN
from gateway.supervisor import STOP_S
from gateway.transfer import Category, Channel, Region
from metrics import catalogue
from metrics.catalogue import CATALOGUE, is_multiprocess
from tests.support.promql import SERIES

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")

NAMES = [
    ("sluice_transfers_total", "counter", ("action", "category", "region", "channel")),
    ("sluice_transfer_bytes_total", "counter", ("action", "category")),
    ("sluice_transfers_identified_total", "counter", ("identified",)),
    ("sluice_transfers_identified_bytes_total", "counter", ("identified",)),
    ("sluice_logins_total", "counter", ("result",)),
    ("sluice_blocked_total", "counter", ("rule",)),
    ("sluice_findings_total", "counter", ("signature", "severity")),
    ("sluice_coverage_total", "counter", ("coverage",)),
    ("sluice_coverage_bytes_total", "counter", ("coverage",)),
    ("sluice_inspection_seconds", "histogram", ("stage",)),
    ("sluice_upload_hold_seconds", "histogram", ()),
    ("sluice_inspectors", "gauge", ("state",)),
    ("sluice_inspector_restarts_total", "counter", ("reason",)),
    ("sluice_spool_bytes", "gauge", ()),
    ("sluice_open_transfers", "gauge", ()),
    ("sluice_upload_pieces_total", "counter", ("hold",)),
    ("sluice_uploads_expired_total", "counter", ("hold",)),
    ("sluice_records_backlog", "gauge", ()),
    ("sluice_policy_info", "gauge", ("digest",)),
    ("sluice_exceptions_active", "gauge", ()),
    ("sluice_policy_reload_failures_total", "counter", ()),
    ("sluice_refused_connections_total", "counter", ("reason",)),
    ("sluice_unread_connections_total", "counter", ("protocol", "action")),
    ("sluice_passthrough_bytes_total", "counter", ("direction",)),
    ("sluice_passthrough_entries", "gauge", ("status",)),
    ("sluice_failures_total", "counter", ("part",)),
    ("sluice_process_restarts_total", "counter", ("kind",)),
    ("sluice_sandbox_layers", "gauge", ("layer",)),
    ("sluice_build_info", "gauge", ("version",)),
]


def exposed(metric):
    (family,) = metric.describe()
    name = f"{family.name}_total" if family.type == "counter" else family.name
    return name, family.type, tuple(metric._labelnames)


def test_names_kinds_and_labels_are_the_promised_ones():
    assert [exposed(metric) for metric in CATALOGUE] == NAMES


def test_every_metric_of_the_module_is_in_the_catalogue():
    made = {value for name, value in vars(catalogue).items() if name.isupper() and hasattr(value, "describe")}

    assert made == set(CATALOGUE)


def test_a_process_alone_shares_nothing(monkeypatch):
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)

    assert not is_multiprocess()


def test_a_process_of_a_gateway_shares(monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))

    assert is_multiprocess()


def test_processes_are_added_up_over_shared_files(tmp_path):
    """Two processes count, one exporter shows the sum: counters and open uploads of all, the policy once."""
    count = (
        "from metrics import catalogue as m\n"
        "m.BLOCKED.labels(rule='cloud.personal').inc(2)\n"
        "m.OPEN_TRANSFERS.inc(3)\n"
        "m.POLICY_INFO.labels(digest='d').set(1)\n"
        "m.UPLOAD_HOLD_SECONDS.observe(0.3)\n"
        "m.SANDBOX_LAYERS.labels(layer='landlock').set({layer})\n"
    )
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for layer in (1, 0):
        subprocess.run([sys.executable, "-c", count.format(layer=layer)], env=environment, cwd=ROOT, check=True)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(tmp_path))
    text = generate_latest(registry).decode()

    assert 'sluice_blocked_total{rule="cloud.personal"} 4.0' in text
    assert "sluice_open_transfers 6.0" in text
    assert 'sluice_policy_info{digest="d"} 1.0' in text
    assert 'sluice_upload_hold_seconds_bucket{le="0.25"} 0.0' in text
    assert 'sluice_upload_hold_seconds_bucket{le="0.5"} 2.0' in text
    assert 'sluice_sandbox_layers{layer="landlock"} 0.0' in text
    assert "pid=" not in text
    assert set(re.findall(r"^(sluice_\w+)", text, re.MULTILINE)) <= set(SERIES)


# --- docs/metrics.md ---

ROW = re.compile(r"^\| `(sluice_\w+)` \| (\w+) \|([^|]*)\| ([^|]+) \|$", re.MULTILINE)
VALUES = re.compile(r"^\| `(\w+)`(?: of `(\w+)`)? \| ([^|]+) \|$", re.MULTILINE)


def test_the_document_has_a_row_for_every_metric_and_no_other():
    rows = [(name, kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in ROW.findall(DOCUMENT)]

    assert sorted(rows) == sorted(NAMES)


def test_the_document_says_of_which_metric_nothing_is_heard_yet():
    code = "\n".join(path.read_text("utf-8") for room in ("gateway", "addons") for path in (ROOT / room).rglob("*.py"))
    constants = {id(value): name for name, value in vars(catalogue).items()}
    silent = {exposed(m)[0] for m in CATALOGUE if not re.search(rf"\b{constants[id(m)]}\b", code)}
    said = {name for name, _, _, meaning in ROW.findall(DOCUMENT) if "not set in this version" in meaning}

    assert said == silent


def words(values: type[StrEnum]) -> set[str]:
    return {value.value for value in values}


@pytest.mark.parametrize(
    ("label", "metric", "values"),
    [
        ("action", "", {action.word for action in Action}),
        ("category", "", words(Category)),
        ("region", "", words(Region)),
        ("channel", "", words(Channel)),
        ("identified", "", {"yes", "no"}),
        ("result", "", words(LoginResult)),
        ("severity", "", words(Severity)),
        ("coverage", "", words(Coverage)),
        ("layer", "", words(Layer)),
        ("kind", "", set(STOP_S)),
        ("stage", "", {"wire", "content", "detect"}),
        ("state", "", {"idle", "busy"}),
        ("reason", "inspector_restarts_total", words(End)),
        ("protocol", "", set(PROTOCOLS)),
        ("direction", "", {"sent", "received"}),
        ("status", "", {"in-force", "ended"}),
        (
            "reason",
            "refused_connections_total",
            {
                "not-http",
                "head-too-large",
                "malformed-head",
                "extended-connect",
                "unknown-protocol",
                "tunnel",
                "tls-unclear",
                "tls-client",
                "tls-server",
                "socks-login",
                "framing-too-large",
                "http2-flood",
                "slow-head",
                "slow-body",
                "address-requests",
                "address-connections",
                "connections-full",
            },
        ),
        (
            "part",
            "",
            {
                "journal",
                "judge",
                "uploads",
                "engine",
                "parent",
                "inspector",
                "inspectors",
                "signatures",
                "recorder",
                "journal-chain",
                "identity",
            },
        ),
    ],
)
def test_the_document_lists_every_value_of_a_label(label, metric, values):
    (listed,) = [cell for name, of, cell in VALUES.findall(DOCUMENT) if (name, of) == (label, metric)]

    assert set(re.findall(r"`([^`]+)`", listed)) == values


def test_the_values_in_the_document_are_those_in_the_code():
    """Label values are written at the call; each one the code uses is in the document, and the other way round."""
    code = "\n".join(path.read_text("utf-8") for room in ("gateway", "addons") for path in (ROOT / room).rglob("*.py"))
    for constant, label, of in (
        ("FAILURES", "part", ""),
        ("REFUSED_CONNECTIONS", "reason", "refused_connections_total"),
    ):
        used = set(re.findall(rf'{constant}\.labels\((?:{label}=)?"([^"]+)"\)', code))
        (listed,) = [cell for name, whose, cell in VALUES.findall(DOCUMENT) if (name, whose) == (label, of)]
        known = set(re.findall(r"`([^`]+)`", listed))
        # `judge` is chosen between two words before the call (addons/enforce.py).
        assert used <= known
        assert known - used <= {"judge"}


def test_the_document_names_the_gateways_own_rules():
    for refusal in BUILTIN.values():
        assert f"`{refusal.rule}`" in DOCUMENT
