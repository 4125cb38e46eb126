"""`sluice catalogue`: what is listed, one entry, and hosts of uploads without one."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from gateway.findings import Action, Inspection, Verdict
from gateway.records.chain import rfc3339
from gateway.records.record import build_record
from gateway.transfer import Actor, Channel, Destination, Request, Transfer
from tests.samples.incidents import fill

OWN = """id: own_drive
name: {zh: 自建网盘, en: Own drive}
category: enterprise-cloud
jurisdiction: CN
account: enterprise
dialect: s3
tenant: host:0
hosts: [files.corp.example]
tenant_headers: [{name: X-Own, hosts: [files.corp.example], value: google, evidence: source}]
endpoints:
  - {id: up, kind: file, evidence: observed, source: seen here, method: [PUT, POST], path: /up, query: a=b, conversation: [query:to, json:to], hash: json:md5, split: {step: chunk, key: [url], order: range}}
  - {id: more, kind: file, evidence: memory, path: /more}
cases: []
"""


@pytest.fixture
def own(folder, config):
    (folder / "own.yaml").write_text(OWN, "utf-8")
    return config(catalogue=["own.yaml"], state_dir="state")


def test_list_of_what_ships(sluice):
    done = sluice("catalogue", "list", "--category", "webmail", "--json")
    found = {row["id"]: row for row in map(json.loads, done.lines)}
    assert done.code == 0
    assert found["gmail"]["name"]["en"] == "Gmail"
    assert set(found["gmail"]["evidence"]) <= {"observed", "source", "memory"}
    assert "wecom" not in found


def test_list_for_people(sluice, own):
    assert sluice("catalogue", "list").lines == [
        "own_drive              Own drive, enterprise-cloud, CN; endpoints: 1 observed, 1 memory",
        "1 services",
    ]


def test_show(sluice, own):
    assert sluice("catalogue", "show", "own_drive").lines == [
        "own_drive  Own drive",
        "  category: enterprise-cloud",
        "  jurisdiction: CN",
        "  account: enterprise",
        "  dialect: s3",
        "  tenant: host:0",
        "  hosts: files.corp.example",
        "  header X-Own: tenants.google at files.corp.example (source)",
        "  up  file, observed",
        "    PUT|POST /up ?a=b",
        "    conversation: query:to, json:to",
        "    hash: json:md5",
        "    split: step chunk; key url; order range",
        "    source: seen here",
        "  more  file, memory",
        "    POST /more",
    ]


def test_show_of_a_service_without_a_tenant(sluice):
    lines = sluice("catalogue", "show", "generic").lines
    assert "  jurisdiction: different from server to server" in lines
    assert "    shape: put" in lines
    assert not [line for line in lines if line.startswith("  tenant:")]


def test_show_as_json(sluice, own):
    (line,) = sluice("catalogue", "show", "own_drive", "--json").lines
    assert json.loads(line)["endpoints"][1] == {"id": "more", "kind": "file", "evidence": "memory", "path": "/more"}


def test_show_of_nothing(sluice, own):
    done = sluice("catalogue", "show", "wecom\x1b[2J")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("sluice: no service has the id wecom")
    assert "\x1b" not in done.err


def test_a_wrong_file_is_told_as_check_tells_it(sluice, folder, own):
    (folder / "own.yaml").write_text(OWN.replace("/more", "(/more"), "utf-8")
    done = sluice("catalogue", "list")
    assert done.code == 2
    assert "own.yaml:12: endpoints.1.path: not a regular expression" in done.err


def record(number, host, endpoint, ago_h):
    transfer = Transfer(
        f"019a8c1e-0000-7000-8000-{number:012d}",
        rfc3339(datetime.now(UTC) - timedelta(hours=ago_h)),
        Actor("li.wei"),
        Destination(host, service="generic", endpoint=endpoint, kind="file"),
        Channel.HTTP2,
        Request("PUT", bytes=100),
    )
    return build_record(transfer, Inspection(), Verdict(Action.ALLOW, (), "d"), node="n", duration_ms=1)


def test_unknown(sluice, folder, own):
    (folder / "state").mkdir()
    rows = [("up.example", "upload_put", 1), ("up.example", "upload_raw", 2), ("old.example", "upload_put", 24 * 8)]
    fill(folder / "state" / "sluice.db", [record(number, *row) for number, row in enumerate(rows)])

    (line,) = sluice("catalogue", "unknown", "--json").lines
    row = json.loads(line)
    assert (row["host"], row["transfers"], row["bytes"], row["shapes"]) == ("up.example", 2, 200, {"put": 1, "raw": 1})

    first, shapes, *_, last = sluice("catalogue", "unknown", "--since", "4w").lines
    assert first.startswith("up.example  2 uploads, 200 bytes, last 20")
    assert shapes == "  1 put, 1 raw"
    assert last.startswith("2 hosts; an entry under catalogue")


def test_unknown_before_any_gateway_ran(sluice, own):
    done = sluice("catalogue", "unknown")
    assert (done.code, done.lines) == (
        0,
        ["0 hosts; an entry under catalogue in the settings says what one of them is"],
    )
