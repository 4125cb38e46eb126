from dataclasses import replace

import pytest

from gateway.destinations.split import Split
from gateway.transfer import Actor, Channel, Destination, Request, Transfer
from gateway.uploads.signs import carries_all, is_numbered, may_be_linked, split_of

GOOGLE = {"x-goog-upload-offset": "0", "x-goog-upload-command": "upload, finalize"}
NETEASE = {"mail-upload-offset": "0", "mail-upload-length": "9", "mail-upload-size": "9"}


@pytest.mark.parametrize(
    ("headers", "is_all"),
    [
        pytest.param({}, False, id="nothing said"),
        pytest.param(GOOGLE, True, id="google all"),
        pytest.param({**GOOGLE, "x-goog-upload-offset": "5"}, False, id="google end"),
        pytest.param({**GOOGLE, "x-goog-upload-command": "upload"}, False, id="google first"),
        pytest.param(NETEASE, True, id="netease all"),
        pytest.param({**NETEASE, "mail-upload-length": "5"}, False, id="netease first"),
        pytest.param({"mail-upload-offset": "0"}, False, id="netease without sizes"),
        pytest.param({"content-range": "bytes 0-8/9"}, True, id="range of all"),
        pytest.param({"content-range": "Bytes 0-8/9 "}, True, id="range of all, written otherwise"),
        pytest.param({"content-range": "bytes 0-8/10"}, False, id="range of the first"),
        pytest.param({"content-range": "bytes 0-7/8"}, False, id="range of less than came"),
        pytest.param({"content-range": "bytes 1-9/10"}, False, id="range of the last"),
        pytest.param({"content-range": "bytes 0-8/*"}, False, id="range of an unknown whole"),
        pytest.param({"content-range": "bytes 0-8/9, bytes 0-8/9"}, False, id="two ranges"),
        pytest.param({**GOOGLE, "content-range": "bytes 0-8/10"}, False, id="two fields that disagree"),
    ],
)
def test_whether_a_piece_is_the_only_one(headers, is_all):
    assert carries_all(Request("PUT", headers=headers, bytes=9)) is is_all


def transfer(method: str = "PUT", kind: str = "", size: int = 1, **headers: str) -> Transfer:
    destination = Destination("up.example.com", service="svc", kind=kind)
    request = Request(method, "/up", "k=9", {k.replace("_", "-"): v for k, v in headers.items()}, size)
    return Transfer("t-1", "2026-12-01T00:00:00Z", Actor(ip="192.0.2.1"), destination, Channel.HTTP1, request)


@pytest.mark.parametrize(
    ("made", "may"),
    [
        (transfer(), True),
        (transfer("POST", content_type="application/octet-stream"), True),
        (transfer("POST", content_type="Application/JSON; charset=utf-8"), False),
        (transfer("PUT", content_type="application/json"), True),
        (transfer("GET"), False),
        (transfer(size=0), False),
        (transfer(kind="message"), False),
    ],
)
def test_which_request_may_go_to_a_url_that_was_given_out(made, may):
    assert may_be_linked(made) is may


RANGE = Split(step="chunk", key=("signed-url",), order="range", answer="google-308")
PART = Split(step="chunk", key=("query:id",), order="index:query:n")


@pytest.mark.parametrize(
    ("made", "split", "step"),
    [
        pytest.param(transfer(), None, None, id="none"),
        pytest.param(transfer(content_range="bytes 0-1/3"), None, "piece", id="a range nobody is known to heed"),
        pytest.param(transfer("patch", content_range="bytes 0-1/3"), None, "piece", id="method in small letters"),
        pytest.param(transfer(content_range="bytes 0-0/1"), None, None, id="a range of all"),
        pytest.param(transfer("GET", content_range="bytes 0-1/3"), None, None, id="not of what is asked for"),
        pytest.param(transfer(kind="part"), None, "piece", id="a piece of nobody knows what"),
        pytest.param(transfer(kind="part", content_range="bytes 0-0/1"), None, None, id="a piece that is all"),
        pytest.param(transfer(content_range="bytes 0-1/3"), RANGE, "chunk", id="catalogue"),
        pytest.param(transfer(), RANGE, "whole", id="without a range it is all"),
        pytest.param(transfer(), PART, "chunk", id="a number is no range"),
    ],
)
def test_which_step_a_request_is(made, split, step):
    found = split_of(made, split)
    assert (found and found.step) == step


@pytest.mark.parametrize(
    ("query", "is_block"),
    [
        ("", False),
        ("k=9", False),
        ("comp=metadata", False),
        ("append", False),
        ("append=1&x=2", False),
        ("sig=x&comp=block&blockid=MQ", True),
        ("COMP=BlockList", True),
        ("c%6Fmp=appendblock", True),
        ("comp=page", True),
        ("partNumber=2&uploadId=U", True),
        ("partNumber=2", False),
        ("append&position=5", True),
    ],
)
def test_blocks_of_object_stores(query, is_block):
    assert is_numbered(query) is is_block
    made = transfer()
    made = replace(made, request=replace(made.request, query=query))
    for split in (None, Split(step="whole", key=("url",))):
        found = split_of(made, split)
        assert (found is not None and found.step == "piece") is is_block
    assert split_of(made, PART) is PART
