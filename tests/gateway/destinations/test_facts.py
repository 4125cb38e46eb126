from gateway.destinations.facts import NO_FACTS, Facts


def test_places_in_the_body_come_once_and_without_those_of_the_head():
    facts = Facts(
        name="json:name",
        tenant=("jwt:tid", "json:org"),
        conversation=("json:to", "query:to", "field:to"),
        hashes=("json:to", "header:x-md5", "field:arg>json:md5"),
    )

    assert facts.in_body == ("json:org", "json:to", "field:to", "field:arg>json:md5")
    assert NO_FACTS.in_body == ()
