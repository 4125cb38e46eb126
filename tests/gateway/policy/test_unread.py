"""Exceptions for connections that nobody can read: exactly the ones they name, until their day."""

from datetime import date

import pytest
from pytest import param

from gateway.channels.protocols import FAMILIES
from gateway.errors import ConfigError
from gateway.policy.builtin import BUILTIN
from gateway.policy.load import read_policy
from gateway.policy.unread import LIFTABLE, passing
from gateway.transfer import Actor, Channel, Destination, Request, Transfer
from gateway.yamlfile import parse_yaml

TODAY = date(2026, 12, 1)
SSH = """
version: 1
exceptions:
  - id: ssh
    rules: wire.unknown-protocol
    destination: {host: "*.partner.example"}
    actor: {user: [li.wei, wang.fang]}
    port: 22
    protocol: [ssh, unknown]
    ticket: T-1
    approver: a
    owner: o
    expires: 2026-12-31
  - id: again
    rules: wire.unknown-protocol
    destination: {host: git.partner.example}
    actor: {user: wang.fang}
    port: [22, 2222]
    protocol: ssh
    ticket: T-2
    approver: a
    owner: o
    expires: 2026-12-31
  - id: address
    rules: wire.bare-address
    destination: {host: ["203.0.113.9", "2001:db8::9"]}
    ticket: T-3
    approver: a
    owner: o
    expires: 2026-12-31
"""


def policy(text=SSH):
    return read_policy(parse_yaml(text, "policy.yaml"))


def connection(host="git.partner.example", port=22, user="li.wei") -> Transfer:
    to = Destination(host, port)
    return Transfer("id", "2026-12-01T00:00:00.000Z", Actor(user), to, Channel.TCP, Request("CONNECT"))


@pytest.mark.parametrize(
    ("transfer", "rule", "protocol", "today", "found"),
    [
        param(connection(), "wire.unknown-protocol", "ssh", TODAY, "ssh", id="named"),
        param(connection(), "wire.unknown-protocol", "unknown", TODAY, "ssh", id="unknown is a name too"),
        param(connection(user="wang.fang"), "wire.unknown-protocol", "ssh", TODAY, "again", id="the first id of two"),
        param(connection(), "wire.unknown-protocol", "ssh", date(2026, 12, 31), "ssh", id="last day"),
        param(connection("203.0.113.9", 443), "wire.bare-address", "tls", TODAY, "address", id="address"),
        param(connection("2001:db8::9", 443), "wire.bare-address", "unknown", TODAY, "address", id="IPv6 address"),
        param(connection(), "wire.unknown-protocol", "ssh", date(2027, 1, 1), "", id="ended"),
        param(connection(), "wire.unknown-protocol", "ftp", TODAY, "", id="another protocol"),
        param(connection(port=443), "wire.unknown-protocol", "ssh", TODAY, "", id="another port"),
        param(connection("partner.example"), "wire.unknown-protocol", "ssh", TODAY, "", id="another host"),
        param(connection(user=""), "wire.unknown-protocol", "ssh", TODAY, "", id="another sender"),
        param(connection(), "wire.hidden-dns", "ssh", TODAY, "", id="another rule"),
        param(connection(), "wire.relay", "ssh", TODAY, "", id="a rule nobody lifts"),
        param(connection("203.0.113.10", 443), "wire.bare-address", "tls", TODAY, "", id="another address"),
    ],
)
def test_which_connections_pass(transfer, rule, protocol, today, found):
    exception = passing(policy(), transfer, rule, protocol, today=today)
    assert (exception.id if exception else "") == found


def test_rules_that_can_be_lifted_are_the_gateways_own():
    own = {refusal.rule for refusal in BUILTIN.values()}
    assert own.issuperset(LIFTABLE)
    assert "wire.relay" not in LIFTABLE
    assert {BUILTIN[reason].rule for reason in FAMILIES.values()} - {"wire.relay"} <= set(LIFTABLE)


ENTRY = """
version: 1
exceptions:
  - {id: x, ticket: T, approver: a, owner: o, expires: 2026-12-31, %s}
"""


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        param("rules: wire.unknown-protocol, port: 22, protocol: ssh", "must name destination.host", id="no host"),
        param(
            "rules: wire.unknown-protocol, port: 22, protocol: ssh, destination: {category: messaging}",
            "must name destination.host",
            id="a category",
        ),
        param(
            "rules: wire.unknown-protocol, port: 22, destination: {host: a.example}", "protocol is missing", id="any"
        ),
        param("rules: wire.hidden-dns, protocol: doh, destination: {host: a.example}", "port is missing", id="no port"),
        param(
            "rules: wire.unknown-protocol, port: 22, protocol: telepathy, destination: {host: a.example}",
            "is no protocol that has a name here",
            id="no such protocol",
        ),
        param(
            "rules: wire.relay, destination: {host: a.example}",
            "'wire.relay' is the gateway's own refusal; allowed: rules of this file, and wire.bare",
            id="a rule nobody lifts",
        ),
        param(
            "rules: wire.bare-address, up_to_mb: 5, destination: {host: 203.0.113.9}", "is not a size rule", id="size"
        ),
        param(
            "rules: wire.unknown-protocol, port: 0, protocol: ssh, destination: {host: a.example}",
            "at least 1",
            id="no port of that number",
        ),
    ],
)
def test_what_an_exception_must_say(keys, message):
    with pytest.raises(ConfigError, match=message):
        policy(ENTRY % keys)


RULE = """
version: 1
rules:
  - id: r
    says: {zh: 甲。, en: A.}
    guidance: {zh: 乙。, en: B.}
    basis: S001
    action: block
    owner: o
    since: 2026-01-01
    when: {body: true}
exceptions:
  - {id: x, ticket: T, approver: a, owner: o, expires: 2026-12-31, actor: {user: u}, %s}
"""


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        param("rules: r, port: 22", "port: means something for wire.unknown-protocol", id="port for another rule"),
        param("rules: r, protocol: ssh", "protocol: means something for", id="protocol for another rule"),
        param(
            "rules: [r, wire.bare-address], destination: {host: a.example}", "cannot stand beside rules", id="two kinds"
        ),
    ],
)
def test_rules_of_the_file_and_own_ones_do_not_mix(keys, message):
    with pytest.raises(ConfigError, match=message):
        policy(RULE % keys)
