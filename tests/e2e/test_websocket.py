"""WebSockets through a real gateway: what passes arrives as it was sent, of what is refused not a byte."""

import json
import random
import signal
import socket
import ssl
import threading
from base64 import b64encode
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest
import websockets
from playwright.sync_api import sync_playwright
from websockets.sync.client import connect

from gateway.limits import MIB
from gateway.wire.frames.frame import Opcode, close_payload, control_frame, frame_head
from tests.samples.archives import zip_bytes
from tests.support.gateway import Gateway
from tests.support.raw_websocket import KEY, RawWebSocket, frames, message
from tests.support.waiting import eventually
from tests.support.websocket_origin import WebSocketOrigin

pytestmark = pytest.mark.e2e
param = pytest.param
ID = "11010519491231002X"
LISTED = f"姓名：王小明 身份证号 {ID}"
TLS_HOSTS = ("chat.example.com", "webalfa.dingtalk.com", "im.dingtalk.com", "web.whatsapp.com", "copilot.microsoft.com")


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    with WebSocketOrigin(tmp_path_factory.mktemp("origin"), names=TLS_HOSTS) as origin:
        yield origin


def routes(origin) -> dict[str, str]:
    to = {f"{host}:443": f"127.0.0.1:{origin.port}" for host in TLS_HOSTS}
    return to | {
        "chat.example.com:80": f"127.0.0.1:{origin.plain_port}",
        "raw.example.com:80": f"127.0.0.1:{origin.raw_port}",
    }


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, origin):
    with Gateway(tmp_path_factory.mktemp("gateway"), origin_ca=origin.ca, connect_to=routes(origin)) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _empty_log(origin):
    origin.arrived.clear()
    origin.raw_answer, origin.raw_head = b"", WebSocketOrigin.raw_head


def trusting(gateway) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(gateway.ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def opened(gateway, url: str, **options):
    tls = {"ssl": trusting(gateway)} if url.startswith("wss:") else {}
    return connect(url, proxy=gateway.proxy, max_size=None, close_timeout=5, **tls, **options)


def exhaust(client) -> None:
    while True:
        client.recv(timeout=20)


def refused(client) -> tuple[int, str]:
    """Code and reason that the client was closed with."""
    with pytest.raises(websockets.ConnectionClosed) as closed:
        exhaust(client)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


def incident(gateway, reason: str) -> dict:
    return gateway.wait_event(reason.removeprefix("blocked, incident "))


URLS = ["ws://chat.example.com/room", "wss://chat.example.com/room"]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("compression", ["deflate", None])
def test_what_holds_nothing_arrives_as_it_was_sent(gateway, origin, url, compression):
    sent = [
        "hello",
        "",
        b"\x00\x01\x02",
        b"",
        '{"type":"typing"}',
        '42["chat","你好"]',
        "y" * 3_000_000,
        bytes(2_000_000),
    ]
    with opened(gateway, url, compression=compression) as client:
        for one in sent:
            client.send(one)
            assert client.recv(timeout=20) == one
        client.send(["in ", "several ", "frames"])
        assert client.recv(timeout=20) == "in several frames"
        assert client.ping("are you there").wait(10)
    (arrived,) = origin.arrived
    assert arrived.messages == [*sent, "in several frames"]
    assert "sec-websocket-extensions" not in arrived.headers
    assert eventually(lambda: arrived.close_code) == 1000


def protobuf(*fields: bytes) -> bytes:
    """A message of these length-delimited fields."""
    lengths = [
        bytes([len(data)]) if len(data) < 128 else bytes([0x80 | len(data) & 127, len(data) >> 7]) for data in fields
    ]
    return b"".join(
        bytes([number << 3 | 2]) + length + data
        for number, (length, data) in enumerate(zip(lengths, fields, strict=True), start=1)
    )


PAYLOADS = [
    param(LISTED, id="text"),
    param(json.dumps({"type": "message", "text": LISTED}), id="JSON"),
    param(json.dumps({"content": json.dumps({"text": LISTED})}), id="JSON in JSON, escaped"),
    param(f'42["message",{{"text":"{ID}"}}]', id="Socket.IO"),
    param(f'["{{\\"text\\":\\"{ID}\\"}}"]', id="SockJS"),
    param(f"SEND\ndestination:/queue/a\n\n{LISTED}\0", id="STOMP"),
    param(LISTED.encode(), id="binary text"),
    param(b"\x0a\x24" + LISTED.encode() + b"\x10\x01", id="protobuf"),
    param(zip_bytes({"名单.txt": LISTED.encode()}), id="zip"),
    param(protobuf(b"a.zip", zip_bytes({"名单.txt": LISTED.encode() * 9})), id="zip in protobuf"),
    param(b64encode(zip_bytes({"名单.txt": LISTED.encode()})).decode(), id="zip in base64"),
    param(json.dumps({"file": b64encode(LISTED.encode()).decode()}), id="base64 in JSON"),
    param("x" * 2_000_000 + LISTED, id="at the end of a long text"),
]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_refused_message_closes_and_does_not_arrive(gateway, origin, url, payload):
    with opened(gateway, url) as client:
        client.send("before")
        assert client.recv(timeout=20) == "before"
        client.send(payload)
        code, reason = refused(client)
    assert code == 1008
    event = incident(gateway, reason)
    assert [(event["channel"], event["request"]["method"], event["outcome"])] == [("websocket", "WS", "refused (1008)")]
    assert event["verdict"]["action"] == "block"
    assert ID not in json.dumps(event)
    (arrived,) = origin.arrived
    assert arrived.messages == ["before"]
    eventually(lambda: arrived.is_closed)
    assert arrived.close_code == 1001


@pytest.mark.parametrize("step", [1, 7, 0], ids=["byte by byte", "seven bytes", "at once"])
@pytest.mark.parametrize(
    "lengths", [(), (6,) * 4 + (2,), (0, 13, 0, 13)], ids=["one frame", "fragments", "empty frames"]
)
def test_not_a_byte_of_it_reaches_the_origin(gateway, origin, step, lengths):
    with RawWebSocket(gateway, "raw.example.com") as client:
        client.send(message(f"my id: {ID} ".encode(), *lengths)[:-1], step)
        (arrived,) = eventually(lambda: origin.arrived)
        assert arrived.raw == b""
        client.send(message(f"my id: {ID} ".encode(), *lengths)[-1:])
        ((kind, payload),) = client.rest()
    assert (kind, payload[:2]) == ("CLOSE", b"\x03\xf0")
    eventually(lambda: arrived.is_closed)
    assert frames(arrived.raw, masked=True) == [("CLOSE", close_payload(1001))]


def test_messages_behind_a_refused_one_do_not_leave(gateway, origin):
    with RawWebSocket(gateway, "raw.example.com") as client:
        client.send(message(b"one") + message(ID.encode()) + message(b"three"))
        client.rest()
    (arrived,) = origin.arrived
    eventually(lambda: arrived.is_closed)
    assert frames(arrived.raw, masked=True) == [("TEXT", b"one"), ("CLOSE", close_payload(1001))]


@pytest.mark.parametrize(
    ("data", "code", "rule"),
    [
        param(b"\xc1\x8a" + bytes(4) + b"\xf2\x48\xcd\xc9\xc9\x07\x00", 1002, "wire.websocket", id="deflate by force"),
        param(b"\x81\x05hello", 1002, "wire.websocket", id="no mask"),
        param(message(b"\xff\xfe"), 1007, "wire.websocket", id="no UTF-8"),
        param(frame_head(Opcode.BINARY, 17 * MIB, is_final=True, key=KEY), 1009, "limits.body", id="too long"),
    ],
)
def test_frames_that_cannot_be_read_are_refused(gateway, origin, data, code, rule):
    before = gateway.metric("sluice_blocked_total", rule=rule)
    with RawWebSocket(gateway, "raw.example.com") as client:
        client.send(data)
        ((kind, payload),) = client.rest()
    assert (kind, payload[:2]) == ("CLOSE", code.to_bytes(2))
    event = incident(gateway, payload[2:].decode())
    assert ([rule_["id"] for rule_ in event["verdict"]["rules"]], event["outcome"]) == ([rule], f"refused ({code})")
    (arrived,) = origin.arrived
    assert frames(arrived.raw, masked=True) == [("CLOSE", close_payload(1001))]
    assert gateway.metric("sluice_blocked_total", rule=rule) == before + 1


def test_what_a_client_hides_in_control_frames_stays_here(gateway, origin):
    origin.raw_answer = control_frame(Opcode.PING, b"alive?")
    with RawWebSocket(gateway, "raw.example.com") as client:
        assert client.until(1) == [("PING", b"alive?")]
        client.send(control_frame(Opcode.PING, ID.encode(), KEY) + control_frame(Opcode.PONG, ID.encode(), KEY))
        client.send(control_frame(Opcode.PONG, b"alive?", KEY))
        client.send(control_frame(Opcode.CLOSE, close_payload(4000, ID), KEY))
        client.rest()
    (arrived,) = origin.arrived
    eventually(lambda: arrived.is_closed)
    assert frames(arrived.raw, masked=True) == [
        ("PING", (1).to_bytes(8)), ("PONG", b"alive?"), ("CLOSE", close_payload(4000)),
    ]  # fmt: skip


@pytest.mark.parametrize("why", ["extension", "nobody asked"])
def test_a_connection_whose_bytes_could_not_be_read_is_not_relayed(gateway, origin, why):
    if why == "extension":
        origin.raw_head = origin.raw_head[:-4] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n%s\r\n"
    with RawWebSocket(gateway, "raw.example.com", upgrade=why == "extension") as client:
        client.send(message(b"hello"))
        assert client.rest() == []
    (arrived,) = origin.arrived
    eventually(lambda: arrived.is_closed)
    assert arrived.raw == b""


@pytest.mark.parametrize(
    ("url", "options", "rule"),
    [
        param("wss://im.dingtalk.com/x", {}, "websocket.unread", id="messaging, no reader"),
        param("wss://web.whatsapp.com/ws/chat", {}, "websocket.unread", id="encrypted by the client"),
        param("ws://chat.example.com/", {"subprotocols": ["mqtt"]}, "wire.upgrade", id="MQTT"),
        param(f"ws://chat.example.com/?note={ID}", {}, "sensitive.unencrypted", id="identifier in the address"),
    ],
)
def test_handshakes_that_are_refused(gateway, origin, url, options, rule):
    with pytest.raises(websockets.InvalidStatus) as refused, opened(gateway, url, **options):
        pass
    response = refused.value.response
    assert response.status_code == 403
    assert response.headers["x-sluice-verdict"] == "block"
    assert origin.arrived == []
    event = gateway.wait_event(response.headers["x-sluice-incident"])
    assert event["verdict"]["rules"][0]["id"] == rule


def test_an_ai_chat_may_open_and_its_prompts_are_read(gateway, origin):
    with opened(gateway, "wss://copilot.microsoft.com/c/api/chat") as client:
        client.send(json.dumps({"event": "send", "content": [{"type": "text", "text": LISTED}]}))
        assert refused(client)[0] == 1008
    assert origin.arrived[0].messages == []


# DingTalk's page


def lwp(path: str, up_req: str = "", body: object = None) -> str:
    headers = {"mid": "a1 0"} | ({"up-req": up_req} if up_req else {})
    return json.dumps({"lwp": path, "headers": headers} | ({} if body is None else {"body": body}))


def upload_frames(data: bytes, upload: str = "u1", size: int = 150_000) -> list[str]:
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    steps = ["/up/frag"] * (len(pieces) - 1) + ["/up/ci"]
    announce = lwp("/up/pre", "", [{"name": "file.zip", "size": len(data)}])
    return [announce] + [
        lwp(step, f"{upload};{index};0;x", b64encode(piece).decode())
        for index, (step, piece) in enumerate(zip(steps, pieces, strict=True))
    ]


def stored_zip(text: str) -> bytes:
    """Larger than two pieces; the text stands compressed behind what does not compress."""
    return zip_bytes({"a.bin": random.Random(1).randbytes(350_000), "名单.txt": text.encode() * 50})


def test_a_file_in_pieces_passes_when_nothing_is_in_it(gateway, origin):
    data = stored_zip("nothing to see")
    with opened(gateway, "wss://webalfa.dingtalk.com/lwp") as client:
        for frame in upload_frames(data):
            client.send(frame)
            assert client.recv(timeout=30) == frame
    assert len(origin.arrived[0].messages) == 4
    event = eventually(lambda: [e for e in gateway.events() if e["parts"] and e["parts"][0]["name"] == "file.zip"])[-1]
    assert (event["channel"], event["request"]["bytes"], event["outcome"]) == (
        "websocket",
        len(data),
        "forwarded (101)",
    )


def test_a_file_in_pieces_is_refused_before_its_last_piece_leaves(gateway, origin):
    steps = upload_frames(stored_zip(LISTED), "u2")
    with opened(gateway, "wss://webalfa.dingtalk.com/lwp") as client:
        for frame in steps[:-1]:
            client.send(frame)
            assert client.recv(timeout=30) == frame
        client.send(steps[-1])
        code, reason = refused(client)
    event = incident(gateway, reason)
    assert (code, event["outcome"], event["verdict"]["rules"][0]["id"]) == (
        1008,
        "refused (1008)",
        "sensitive.unencrypted",
    )
    assert [part["path"] for part in event["parts"] if part["findings"]] == ["file.zip!/名单.txt"]
    assert origin.arrived[0].messages == steps[:-1]


@pytest.mark.parametrize(
    ("steps", "rule"),
    [
        param([lwp("/r/IDLSend/send", "", [{"content": LISTED}])], "sensitive.unencrypted", id="text message"),
        param(
            [lwp("/up/frag", "u3;0;0", b64encode(LISTED.encode()).decode())],
            "sensitive.unencrypted",
            id="clear text in a piece",
        ),
        param(
            [lwp("/up/pre", "", [{"name": "a", "size": 52_428_801}])], "size.messaging-file", id="declared too large"
        ),
        param([lwp("/up/ci", "u4;3;0", "aGk=")], "gateway.not-inspected", id="begun elsewhere"),
        param([lwp("/up/new", "u;0;0", "aGk=")], "gateway.not-inspected", id="unknown step"),
        param(['{"lwp":"/x","lwp":"/up/ci"}'], "gateway.not-inspected", id="two readings"),
        param(
            [lwp("/up/frag", "u5;0;0", "aGk="), lwp("/up/frag", "u5;0;0", "aGo=")],
            "gateway.not-inspected",
            id="piece replaced",
        ),
        param([lwp("/up/ci", "u1;0;0", "aGk=")], "gateway.not-inspected", id="of another connection"),
    ],
)
def test_dingtalk_frames_that_are_refused(gateway, origin, steps, rule):
    with opened(gateway, "wss://webalfa.dingtalk.com/lwp") as client:
        for frame in steps:
            client.send(frame)
        code, reason = refused(client)
    event = incident(gateway, reason)
    assert (code, event["verdict"]["rules"][0]["id"]) == (1008, rule)
    assert origin.arrived[0].messages == steps[:-1]


PAGE = """
([url, text]) => new Promise(done => {
    const socket = new WebSocket(url), heard = [];
    socket.onopen = () => socket.send("before");
    socket.onmessage = message => { heard.push(message.data); socket.send(text); };
    socket.onclose = closed => done([heard, closed.code, closed.reason.slice(0, 16), closed.wasClean]);
})
"""


@pytest.mark.parametrize("url", ["ws://chat.example.com/page", "wss://chat.example.com/page"])
def test_a_page_in_a_browser_is_told_that_it_was_closed_and_why(gateway, origin, url):
    with sync_playwright() as engine:
        browser = engine.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"], proxy={"server": gateway.proxy}
        )
        page = browser.new_context(ignore_https_errors=True).new_page()
        assert page.evaluate(PAGE, [url, LISTED]) == [["before"], 1008, "blocked, inciden", True]
        browser.close()
    assert origin.arrived[0].messages == ["before"]


# records, metrics, floods, stops


def test_messages_that_pass_are_counted_in_one_record(gateway, origin):
    before = gateway.metric("sluice_transfers_total", channel="websocket", action="allow")
    with opened(gateway, "wss://chat.example.com/counted") as client:
        for number in range(200):
            client.send(f"message {number}")
        for _ in range(200):
            client.recv(timeout=20)
    told = eventually(lambda: [e for e in gateway.events() if e.get("messages") == 200])
    (event,) = told
    assert (event["request"]["bytes"], event["request"]["path"], event["verdict"]["action"]) == (
        2090,
        "/counted",
        "allow",
    )
    opening = gateway.wait_event(event["handshake"])
    assert (opening["request"]["method"], opening["outcome"]) == ("GET", "forwarded (101)")
    assert gateway.metric("sluice_transfers_total", channel="websocket", action="allow") == before + 201


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def test_memory_does_not_grow_with_messages(gateway, origin):
    (worker,) = gateway.pids("addons")

    def talk(count: int) -> None:
        with opened(gateway, "ws://chat.example.com/long") as client:
            for _ in range(count // 100):
                for _ in range(100):
                    client.send("x" * 8000)
                for _ in range(100):
                    client.recv(timeout=20)

    talk(500)
    before = rss_bytes(worker)
    talk(3000)
    # Kept, these would be 24 MB and more; mitmproxy's objects make it several times that.
    assert rss_bytes(worker) - before < 8 * MIB


def test_large_messages_flood_neither_memory_nor_others(gateway, origin):
    (worker,) = gateway.pids("addons")
    before = rss_bytes(worker)
    peak, done = [before], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak.append(rss_bytes(worker))

    def flood() -> None:
        with RawWebSocket(gateway, "raw.example.com") as client:
            client.send(message(bytes(16 * MIB), 1 * MIB, 15 * MIB, opcode=Opcode.BINARY))
            client.send(message(bytes(17 * MIB), *[MIB] * 17, opcode=Opcode.BINARY))
            client.rest(60)

    threads = [threading.Thread(target=flood) for _ in range(6)]
    watcher = threading.Thread(target=watch)
    for thread in (watcher, *threads):
        thread.start()
    with opened(gateway, "wss://chat.example.com/other") as client:
        for _ in range(20):
            client.send("hello")
            assert client.recv(timeout=20) == "hello"
    for thread in threads:
        thread.join(120)
    done.set()
    watcher.join()
    assert max(peak) - before < 64 * MIB
    eventually(lambda: [len(arrived.raw) > 16 * MIB for arrived in origin.arrived if arrived.raw] == [True] * 6)


def test_a_server_that_talks_on_is_held_back(gateway, origin):
    (worker,) = gateway.pids("addons")
    before = rss_bytes(worker)
    origin.raw_answer = frame_head(Opcode.BINARY, 64 * MIB, is_final=True) + bytes(64 * MIB)
    with RawWebSocket(gateway, "raw.example.com") as client:
        # The client reads nothing for now, and talks.
        client.send(message(b"x" * 100_000) * 20)
        assert rss_bytes(worker) - before < 32 * MIB
        received = len(client.received)
        while received < 64 * MIB and (data := client.socket.recv(1 << 20)):
            received += len(data)
        assert received >= 64 * MIB


def test_extended_connect_is_refused(gateway, origin):
    """RFC 8441 is not offered, and a client that uses it all the same opens nothing."""
    before = gateway.metric("sluice_refused_connections_total", reason="extended-connect")
    raw = socket.create_connection(("127.0.0.1", gateway.port), timeout=20)
    raw.sendall(b"CONNECT chat.example.com:443 HTTP/1.1\r\nHost: chat.example.com:443\r\n\r\n")
    assert b" 200 " in raw.recv(4096)
    context = trusting(gateway)
    context.set_alpn_protocols(["h2"])
    with context.wrap_socket(raw, server_hostname="chat.example.com") as tls:
        client = h2.connection.H2Connection(h2.config.H2Configuration(validate_outbound_headers=False))
        client.initiate_connection()
        head = {
            ":method": "CONNECT",
            ":protocol": "websocket",
            ":scheme": "https",
            ":path": "/",
            ":authority": "chat.example.com",
        }
        client.send_headers(1, list(head.items()))
        tls.sendall(client.data_to_send())
        seen: list[h2.events.Event] = []
        while data := tls.recv(65536):
            seen += client.receive_data(data)
    settings = next(event for event in seen if isinstance(event, h2.events.RemoteSettingsChanged))
    offered = settings.changed_settings.get(h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL)
    assert offered is None or offered.new_value == 0
    assert not any(
        isinstance(event, h2.events.ResponseReceived) and (b":status", b"200") in event.headers for event in seen
    )
    assert origin.arrived == []
    assert gateway.metric("sluice_refused_connections_total", reason="extended-connect") == before + 1


def test_without_inspectors_nothing_leaves(tmp_path, origin):
    settings = {"inspectors": {"workers": 1, "timeout_s": 5}}
    with Gateway(tmp_path, origin_ca=origin.ca, connect_to=routes(origin), settings=settings) as gateway:
        with opened(gateway, "wss://chat.example.com/x") as client:
            client.send("before")
            assert client.recv(timeout=20) == "before"
            (gateway.state / "run" / "inspectors.sock").unlink()
            client.send("hello")
            assert refused(client)[0] == 1008
        assert origin.arrived[0].messages == ["before"]


def test_an_idle_connection_does_not_hold_up_a_stop(tmp_path, origin):
    with (
        Gateway(tmp_path, origin_ca=origin.ca, connect_to=routes(origin)) as gateway,
        opened(gateway, "wss://chat.example.com/idle") as client,
    ):
        client.send("hello")
        assert client.recv(timeout=20) == "hello"
        assert gateway.metric("sluice_open_transfers") == 0
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(15) == 0
        with pytest.raises(websockets.ConnectionClosed):
            client.recv(timeout=10)
        # What had passed was recorded on the way out.
        assert [event["messages"] for event in gateway.events() if "messages" in event] == [1]
