"""Hosts of uploads that nobody has listed, out of records: counted by host, bounded, and no record makes it fail."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from gateway.findings import Action, Inspection, PartReport, Verdict
from gateway.records import unknown
from gateway.records.chain import rfc3339
from gateway.records.record import build_record
from gateway.records.store import Store
from gateway.records.unknown import gather, recorded_shape, unknown_hosts
from gateway.transfer import Actor, Channel, Destination, Request, Transfer
from tests.samples.incidents import fill

param = pytest.param
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ALLOWED = Verdict(action=Action.ALLOW, grounds=(), policy_digest="d")


def record(
    number, host, *, service="generic", endpoint="upload_put", kind="file", ago_h=1, sent=100, said="", types=()
):
    transfer = Transfer(
        f"019a8c1e-0000-7000-8000-{number:012d}",
        rfc3339(NOW - timedelta(hours=ago_h)),
        Actor("li.wei"),
        Destination(host, service=service, endpoint=endpoint, kind=kind),
        Channel.HTTP2,
        Request("PUT", bytes=sent, headers={"content-type": said} if said else {}),
    )
    parts = tuple(PartReport("a", "", 1, "", "", one) for one in types)
    return build_record(transfer, Inspection(parts=parts), ALLOWED, node="n", duration_ms=1)


@pytest.fixture
def store(tmp_path):
    fill(
        tmp_path / "sluice.db",
        [
            record(1, "up.example", ago_h=3),
            record(2, "up.example", ago_h=2, sent=50, endpoint="upload_multipart"),
            record(3, "up.example", ago_h=24 * 30),
            record(
                4, "api.example", service="", endpoint="", kind="", said="application/json", types=["application/zip"]
            ),
            record(5, "talk.example", service="", endpoint="", kind="", said="application/json", types=["text/plain"]),
            record(6, "slack.com", service="slack", endpoint="put_bytes"),
            record(7, "git.example", endpoint="git_push", kind="code"),
            record(8, "tus.example", endpoint="tus_part", kind="part"),
        ],
    )
    with Store.open(tmp_path / "sluice.db") as store:
        yield store


def test_hosts_by_number_of_uploads(store):
    found = unknown_hosts(store, NOW - timedelta(days=7))

    assert [(one.host, one.transfers, one.bytes, one.last_at, one.shapes) for one in found] == [
        ("up.example", 2, 150, "2026-03-02T10:00:00.000Z", {"multipart": 1, "put": 1}),
        ("api.example", 1, 100, "2026-03-02T11:00:00.000Z", {"json-file": 1}),
        ("tus.example", 1, 100, "2026-03-02T11:00:00.000Z", {"tus_part": 1}),
    ]


def test_only_so_many_records_and_hosts(store, monkeypatch):
    monkeypatch.setattr(unknown, "MAX_HOSTS", 1)
    assert [one.host for one in unknown_hosts(store, NOW - timedelta(days=7))] == ["up.example"]
    monkeypatch.setattr(unknown, "MAX_LOOKED_AT", 1)
    assert [one.host for one in unknown_hosts(store, NOW - timedelta(days=7))] == ["tus.example"]


def told(**destination):
    return json.dumps({"destination": destination})


CALL = {"request": {"content_type": "application/json"}, "parts": [{"media_type": "image/png"}]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        param(told(kind="file", endpoint="upload_raw"), "raw", id="shape"),
        param(told(kind="part", endpoint="nextcloud_part"), "nextcloud_part", id="protocol"),
        param(told(kind="message", endpoint="matrix_send"), "", id="message"),
        param(json.dumps(CALL), "json-file", id="file in a call"),
        param(json.dumps(CALL | {"destination": {"endpoint": "git_lfs"}}), "", id="call of a protocol"),
        param(json.dumps(CALL | {"request": {"content_type": "image/png"}}), "", id="no call"),
        param(json.dumps(CALL | {"request": {"content_type": 1}}), "", id="type that is none"),
        param(json.dumps(CALL | {"parts": [{"media_type": "text/csv"}, {"media_type": ""}]}), "", id="texts"),
        param(json.dumps(CALL | {"parts": [{"media_type": 1}, 2]}), "", id="parts that are none"),
        param(json.dumps(CALL | {"parts": 3}), "", id="no parts"),
        param(json.dumps({"destination": 1, "request": 2}), "", id="other types"),
        param("[]", "", id="no object"),
        param("{", "", id="no JSON"),
        param("[" * 100_000, "", id="deep"),
    ],
)
def test_shape_of_a_record(text, expected):
    assert recorded_shape(text) == expected


def test_times_are_compared_not_taken_from_the_order():
    rows = [
        ("a", "2026-03-01T00:00:00.000Z", 1, told(kind="file", endpoint="upload_put")),
        ("a", "2026-03-02T00:00:00.000Z", 1, told(kind="file", endpoint="upload_put")),
    ]

    assert gather(rows)[0].last_at == gather(rows[::-1])[0].last_at == "2026-03-02T00:00:00.000Z"
