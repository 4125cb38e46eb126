import pytest

from gateway.transfer import Actor, Channel, Destination, Request, Transfer
from gateway.uploads.signs import carries_all, may_be_linked

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
    ],
)
def test_whether_a_piece_is_the_only_one(headers, is_all):
    assert carries_all(headers) is is_all


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
