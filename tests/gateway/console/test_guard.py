import httpx
import pytest
import structlog
from starlette.responses import PlainTextResponse, StreamingResponse

from gateway.console.guard import CSP, Guard
from gateway.settings import Address

LOOPBACK = Address("127.0.0.1", 8081)


async def app(scope, receive, send):
    path = scope["path"]
    if path == "/breaks":
        raise ValueError("11010519491231002X")

    async def half():
        yield b"half"
        raise ValueError("11010519491231002X")

    response = StreamingResponse(half()) if path == "/breaks-late" else PlainTextResponse("fine")
    await response(scope, receive, send)


async def _get(path, *, listen=LOOPBACK, hosts=("127.0.0.1:8081",)):
    transport = httpx.ASGITransport(Guard(app, listen))
    async with httpx.AsyncClient(transport=transport) as client:
        request = client.build_request("GET", f"http://x{path}")
        request.headers = httpx.Headers([(b"host", host.encode()) for host in hosts])
        return await client.send(request)


@pytest.mark.parametrize(
    ("listen", "host", "status"),
    [
        pytest.param(LOOPBACK, "127.0.0.1:8081", 200, id="the address"),
        pytest.param(LOOPBACK, "localhost:8081", 200, id="localhost"),
        pytest.param(LOOPBACK, "LOCALHOST.", 200, id="in capitals, with the root's dot"),
        pytest.param(LOOPBACK, "[::1]:8081", 200, id="IPv6"),
        pytest.param(LOOPBACK, "127.0.0.1:9999", 200, id="another port: a tunnel"),
        pytest.param(LOOPBACK, "evil.example", 421, id="a name that points here"),
        pytest.param(LOOPBACK, "127.0.0.1.evil.example", 421, id="a name that begins like the address"),
        pytest.param(LOOPBACK, "10.0.0.5", 421, id="an address nobody listens on"),
        pytest.param(LOOPBACK, "[::1", 200, id="IPv6 with one bracket"),
        pytest.param(LOOPBACK, "[evil.example]", 421, id="a name in brackets"),
        pytest.param(Address("console.example", 8081), "console.example:8081", 200, id="the configured name"),
        pytest.param(Address("console.example", 8081), "other.example", 421, id="not the configured name"),
        pytest.param(Address("10.0.0.5", 8081), "10.0.0.5", 200, id="the configured address"),
        pytest.param(Address("0.0.0.0", 8081), "10.0.0.5:8081", 200, id="any address, an address"),
        pytest.param(Address("0.0.0.0", 8081), "evil.example:8081", 421, id="any address, a name"),
        pytest.param(Address("::", 8081), "[2001:db8::1]:8081", 200, id="any IPv6 address"),
    ],
)
async def test_hosts(listen, host, status):
    answer = await _get("/", listen=listen, hosts=(host,))
    assert answer.status_code == status


@pytest.mark.parametrize("hosts", [pytest.param((), id="none"), pytest.param(("",), id="empty"),
                                   pytest.param(("localhost", "evil.example"), id="two")])  # fmt: skip
async def test_a_request_names_one_host(hosts):
    assert (await _get("/", hosts=hosts)).status_code == 400


async def test_the_refusal_says_which_name_to_use():
    answer = await _get("/", hosts=("evil.example",))
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Wrong host name",
        "status": 421,
        "detail": "Open the console as http://127.0.0.1:8081/.",
        "instance": "/",
        "errors": [],
    }
    assert "http://127.0.0.1:9/" in (await _get("/", listen=Address("0.0.0.0", 9), hosts=("a.b",))).json()["detail"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_may_use_any_name(path):
    assert (await _get(path, hosts=("gateway:8081",))).status_code == 200


@pytest.mark.parametrize("path", ["/", "/breaks"])
async def test_headers_on_every_answer(path):
    headers = (await _get(path)).headers
    assert headers["content-security-policy"] == CSP
    for directive in ("default-src 'none'", "script-src 'self'", "form-action 'self'", "frame-ancestors 'none'"):
        assert directive in CSP.split("; ")
    assert "unsafe" not in CSP
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert headers["cache-control"] == "no-store"


async def test_an_error_is_one_answer_and_its_text_is_nowhere():
    with structlog.testing.capture_logs() as logs:
        answer = await _get("/breaks")
    assert (answer.status_code, answer.json()["detail"]) == (500, "ValueError")
    assert logs == [{"event": "console.failed", "kind": "ValueError", "log_level": "error"}]
    assert "11010519491231002X" not in answer.text


async def test_an_error_after_the_start_ends_the_connection():
    with structlog.testing.capture_logs() as logs, pytest.raises(ConnectionError) as caught:
        await _get("/breaks-late")
    assert [log["kind"] for log in logs] == ["ValueError"]
    assert caught.value.__cause__ is None
    assert "11010519491231002X" not in str(caught.value)


async def test_what_is_not_http_passes():
    seen = []

    async def inner(scope, receive, send):
        seen.append(scope["type"])

    await Guard(inner, LOOPBACK)({"type": "lifespan"}, None, None)
    assert seen == ["lifespan"]
