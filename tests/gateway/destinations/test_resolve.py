from gateway.destinations.match import NO_MATCH, CatalogueMatch
from gateway.destinations.resolve import build_destination
from gateway.transfer import Audience, Category, Destination, Region


def test_every_fact_has_its_place():
    match = CatalogueMatch(
        service="slack",
        endpoint="webhook",
        category=Category.MESSAGING,
        jurisdiction="US",
        account="enterprise",
        tenant="T1",
        conversation="T1/B1",
        many_files=True,
        dialect="slack",
        kind="message",
        reader="generic",
    )

    destination = build_destination(match, "HOOKS.Slack.com.", 443, "203.0.113.9", "DE", Region.OVERSEAS)

    assert destination == Destination(
        host="hooks.slack.com",
        port=443,
        ip="203.0.113.9",
        country="DE",
        region=Region.OVERSEAS,
        service="slack",
        endpoint="webhook",
        category=Category.MESSAGING,
        tenant="T1",
        account="enterprise",
        conversation="T1/B1",
        audience=Audience.UNKNOWN,
        many_files=True,
        dialect="slack",
        kind="message",
        reader="generic",
    )


def test_nothing_known_stays_unknown():
    destination = build_destination(NO_MATCH, "a.example", 8443, "", "", Region.UNKNOWN)

    assert destination == Destination(host="a.example", port=8443)
