"""Which rules sizes decide alone, and what the length of a body says about its file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.early import conditions, is_early, least_body_bytes, least_file_bytes, placed, size_limits
from gateway.policy.schema import When
from gateway.transfer import Request

MIB = 1024 * 1024
OVER = {"part": {"file": True, "sent": True, "over_mb": 50}}


@pytest.mark.parametrize(
    ("when", "limits"),
    [
        pytest.param(OVER, (50.0,), id="a size"),
        pytest.param({**OVER, "destination": {"category": "messaging"}, "body": True}, (50.0,), id="and a destination"),
        pytest.param({**OVER, "actor": {"known": False}, "channel": "tcp"}, (50.0,), id="and a sender"),
        pytest.param(
            {"any": [OVER, {"part": {"over_mb": 5}, "actor": {"group": "x"}}]}, (50.0, 5.0), id="either of two"
        ),
        pytest.param({"all": [OVER], "not": {"destination": {"service": "x"}}}, (50.0,), id="but not there"),
        pytest.param({**OVER, "not": {"any": [{"actor": {"known": True}}]}}, (50.0,), id="but not they"),
        pytest.param({"body": True}, (), id="no size"),
        pytest.param({"part": {"file": True}}, (), id="a part without a size"),
        pytest.param({"part": {"over_mb": 50, "media_type": "a/b"}}, (), id="a type is known later"),
        pytest.param({**OVER, "findings": {"class": "secret"}}, (), id="findings are known later"),
        pytest.param({**OVER, "sensitive": "any"}, (), id="sensitive content is known later"),
        pytest.param({**OVER, "persons": 3}, (), id="persons are known later"),
        pytest.param({"any": [OVER, {"persons": 3}]}, (), id="either, and one is known later"),
        pytest.param({"any": [OVER, {"part": {"encryption": "weak"}}]}, (), id="either a size or a grade"),
        pytest.param(
            {**OVER, "not": {"part": {"over_mb": 90}}}, (), id="not over: the size is only known to be at least"
        ),
        pytest.param({**OVER, "not": {"all": [{"persons": 1}]}}, (), id="not, of what is known later"),
    ],
)
def test_size_limits(when, limits):
    assert size_limits(When.model_validate(when)) == limits


@pytest.mark.parametrize(
    ("when", "early"),
    [
        pytest.param({**OVER, "destination": {"category": "messaging"}}, True, id="the head tells the category"),
        pytest.param({**OVER, "destination": {"region": "overseas"}}, False, id="the region is known later"),
        pytest.param({**OVER, "destination": {"authorised": False}}, False, id="an entry may ask for a region"),
        pytest.param({"any": [{**OVER, "not": {"destination": {"region": "unknown"}}}]}, False, id="deep inside"),
    ],
)
def test_is_early(when, early):
    assert is_early(When.model_validate(when)) is early


def request(content_type="", content_encoding=""):
    return Request(headers={"content-type": content_type, "content-encoding": content_encoding})


@pytest.mark.parametrize(
    ("head", "body_bytes", "file_bytes"),
    [
        pytest.param(request(), 50 * MIB, 50 * MIB, id="no type: the body is the file"),
        pytest.param(request("application/pdf"), 50 * MIB + 1, 50 * MIB + 1, id="the body is the file"),
        pytest.param(request("application/pdf", "identity"), 9, 9, id="no encoding"),
        pytest.param(request("application/pdf", "GZIP"), 51 * MIB, 50 * MIB, id="an encoding may add a little"),
        pytest.param(request("Multipart/Form-Data; boundary=x"), 51 * MIB, 50 * MIB, id="a form"),
        pytest.param(request("multipart/related"), 51 * MIB + 1, 50 * MIB + 1, id="another multipart"),
        pytest.param(request("multipart/form-data"), 500, 0, id="a small form says nothing"),
        pytest.param(request("application/json; charset=utf-8"), MIB + 4, 3, id="base64 in JSON"),
        pytest.param(request("application/vnd.x+json"), MIB + 5, 4, id="base64 in JSON, rounded up"),
        pytest.param(request("application/x-www-form-urlencoded"), MIB + 3, 2, id="base64 in a form of text"),
    ],
)
def test_least_file_bytes(head, body_bytes, file_bytes):
    assert least_file_bytes(head, body_bytes) == file_bytes


HEADS = [
    request(),
    request("multipart/form-data"),
    request("application/json"),
    request("application/x-www-form-urlencoded"),
]


@given(st.sampled_from(HEADS), st.integers(0, 10**12))
def test_the_shortest_body_is_the_first_that_shows_a_larger_file(head, limit):
    shortest = least_body_bytes(head, limit)
    assert least_file_bytes(head, shortest) > limit >= least_file_bytes(head, shortest - 1)


def test_placed_tells_where_each_condition_stands():
    when = When.model_validate({"body": True, "all": [{"body": True}], "any": [{"not": {"body": False}}]})
    places = [where for where, _ in placed(when, ("when",))]
    assert places == [("when",), ("when", "all", 0), ("when", "any", 0), ("when", "any", 0, "not")]
    assert len(list(conditions(when))) == 4
