"""Records of connections: the fields of every record, no parts, and what the connection was."""

from gateway.parts import Coverage
from gateway.policy.builtin import builtin_verdict
from gateway.records.connection import Connection, connection_record, inspection_of
from gateway.transfer import Actor, Channel, Destination, Request, Transfer

TRANSFER = Transfer(
    "019a8c1e-7f3b-7000-8000-000000000001",
    "2026-11-21T08:00:00.000Z",
    Actor("li.wei", ip="10.0.0.7"),
    Destination("git.example", 22),
    Channel.TCP,
    Request("CONNECT", bytes=21),
)


def test_a_refusal_with_its_repeats():
    told = Connection("ssh", count=40, last_at="2026-11-21T08:01:00.000Z", sent_bytes=21, app="slack")
    verdict = builtin_verdict("unknown-protocol", "digest", because="SSH")
    record = connection_record(TRANSFER, verdict, told, Coverage.UNKNOWN_PROTOCOL, node="edge-1", duration_ms=0)
    assert record["connection"] == {
        "protocol": "ssh",
        "phase": "refused",
        "count": 40,
        "last_at": "2026-11-21T08:01:00.000Z",
        "sent_bytes": 21,
        "received_bytes": 0,
        "opened": "",
        "entry": "",
        "app": "slack",
    }
    assert (record["coverage"], record["parts"], record["channel"]) == ("unknown-protocol", [], "tcp")
    assert (record["destination"]["host"], record["destination"]["port"]) == ("git.example", 22)
    assert record["request"] == {"method": "CONNECT", "path": "/", "content_type": "", "bytes": 21}
    assert [rule["id"] for rule in record["verdict"]["rules"]] == ["wire.unknown-protocol"]
    assert record["verdict"]["rules"][0]["because"] == "SSH"


def test_coverage_is_the_one_given():
    for coverage in (Coverage.UNKNOWN_PROTOCOL, Coverage.PASSTHROUGH_POLICY, Coverage.ENCRYPTED):
        assert inspection_of(Connection("tls"), coverage).coverage is coverage
