"""Request hygiene as settings: which hosts may differ, and what is not written as it must be."""

import pytest
from pydantic import ValidationError
from pytest import param

from gateway.request_settings import Requests

LISTED = Requests(host_mismatch_allowed=("*.CDN.example", "a.example."))


def test_defaults():
    made = Requests()
    assert (made.host_mismatch_allowed, made.http_1_0, made.methods_without_body) == (
        (),
        False,
        ("GET", "HEAD", "TRACE"),
    )


def test_written_in_a_file():
    made = Requests.model_validate({"host_mismatch_allowed": ["*.cdn.example"], "methods_without_body": []})
    assert (made.host_mismatch_allowed, made.methods_without_body) == (("*.cdn.example",), ())


@pytest.mark.parametrize(
    ("hosts", "may"),
    [
        param({"a.example", "x.cdn.example"}, True, id="all listed"),
        param({"x.cdn.example", "y.z.cdn.example"}, True, id="below one name"),
        param({"a.example", "b.example"}, False, id="one not listed"),
        param({"cdn.example", "a.example"}, False, id="the name itself is not below it"),
        param({".cdn.example", "a.example"}, False, id="empty label"),
        param({"xcdn.example", "a.example"}, False, id="ends alike"),
        param({"a.example.evil.example", "a.example"}, False, id="starts alike"),
    ],
)
def test_may_differ(hosts, may):
    assert LISTED.may_differ(hosts) is may


def test_nothing_may_differ_by_default():
    assert Requests().may_differ({"a.example", "b.example"}) is False


@pytest.mark.parametrize(
    ("given", "place"),
    [
        param({"host_mismatch_allowed": ["*"]}, ("host_mismatch_allowed", 0), id="every host"),
        param({"host_mismatch_allowed": ["a*.example"]}, ("host_mismatch_allowed", 0), id="star inside"),
        param({"host_mismatch_allowed": "a.example"}, ("host_mismatch_allowed",), id="no list"),
        param({"host_mismatch_allowed": [3]}, ("host_mismatch_allowed", 0), id="number"),
        param({"http_1_0": 1}, ("http_1_0",), id="number as truth"),
        param({"methods_without_body": ["get"]}, ("methods_without_body", 0), id="small letters"),
        param({"methods_without_body": [3]}, ("methods_without_body", 0), id="no word"),
        param({"other": 1}, ("other",), id="unknown key"),
    ],
)
def test_refused(given, place):
    with pytest.raises(ValidationError) as caught:
        Requests.model_validate(given)
    assert [error["loc"] for error in caught.value.errors()] == [place]
