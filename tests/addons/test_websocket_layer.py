"""The layer alone: what reaches either side, what waits, what closes; hooks are answered by the test."""

from codecs import BOM_UTF8

import pytest
from mitmproxy import connection
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.test import tflow

from addons.conversation import CONVERSATION, Conversation
from addons.websocket_files import Files
from addons.websocket_layer import MAX_FRAMES, MessageLayer, SluiceMessageDrainHook, SluiceMessageHook
from gateway.spool import Spool
from gateway.wire.frames.frame import FrameReader, Opcode, close_payload, control_frame, frame_head, frames_of

param = pytest.param
KEY = b"\x01\x02\x03\x04"


def text(data: bytes, *lengths: int) -> bytes:
    return b"".join(frames_of([data], lengths or [len(data)], Opcode.TEXT, lambda: KEY))


def frames(data: bytes, *, masked: bool) -> list[tuple[str, bytes]]:
    reader, found, payload = FrameReader(masked=masked), [], b""
    for chunk in reader.feed(data):
        payload = chunk.data if chunk.is_start else payload + chunk.data
        if chunk.is_end:
            found.append((chunk.opcode.name + ("" if chunk.is_final else "+"), payload))
    assert reader.is_between
    return found


class Wire:
    """Both sides of one layer."""

    def __init__(self, tmp_path, *, agreed: bool = True, extensions: str = "") -> None:
        self.flow = tflow.twebsocketflow()
        self.flow.response.headers.pop("sec-websocket-extensions", None)
        if extensions:
            self.flow.response.headers["sec-websocket-extensions"] = extensions
        client = connection.Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2))
        client.state = connection.ConnectionState.OPEN
        self.context = Context(client, Options())
        self.context.server = connection.Server(address=("a.example", 443))
        self.context.server.state = connection.ConnectionState.OPEN
        MessageLayer.new_spool = staticmethod(lambda: Spool(str(tmp_path)))
        MessageLayer.max_message_bytes = 300_000
        self.conversation = Conversation(None, Files(MessageLayer.new_spool, 0))
        if agreed:
            self.flow.metadata[CONVERSATION] = self.conversation
        self.layer = MessageLayer(self.context, self.flow)
        self.sent = {"client": b"", "server": b""}
        self.closed: list[str] = []
        self.judged: list[tuple[bool, bytes, str, list[int]]] = []
        self.answers = True
        self.allows = True
        self.waiting: commands.StartHook | None = None
        self.wakeups: list[commands.RequestWakeup] = []
        self.hooks: list[str] = []
        self.drains = 0
        self.event(events.Start())

    def event(self, event: events.Event) -> None:
        for command in self.layer.handle_event(event):
            if isinstance(command, commands.SendData):
                assert self.side(command.connection) not in self.closed
                self.sent[self.side(command.connection)] += command.data
            elif isinstance(command, commands.CloseConnection):
                self.closed.append(self.side(command.connection))
                command.connection.state = connection.ConnectionState.CLOSED
            elif isinstance(command, commands.RequestWakeup):
                self.wakeups.append(command)
            elif isinstance(command, commands.StartHook):
                self.hook(command)

    def hook(self, hook: commands.StartHook) -> None:
        self.hooks.append(type(hook).__name__)
        if isinstance(hook, SluiceMessageDrainHook):
            self.drains += 1
        if isinstance(hook, SluiceMessageHook):
            message = self.conversation.message
            data = b"".join(message.spool.chunks())
            self.judged.append((message.is_text, data, message.problem, message.lengths))
            message.may_leave = self.allows
            if not self.allows and not message.problem:
                message.close = (1008, "blocked")
            if not self.answers:
                self.waiting = hook
                return
        self.event(events.HookCompleted(hook))

    def answer(self) -> None:
        hook, self.waiting = self.waiting, None
        self.event(events.HookCompleted(hook))

    def side(self, conn: connection.Connection) -> str:
        return "client" if conn is self.context.client else "server"

    def client(self, data: bytes) -> None:
        self.event(events.DataReceived(self.context.client, data))

    def server(self, data: bytes) -> None:
        self.event(events.DataReceived(self.context.server, data))

    def wake(self) -> None:
        self.event(events.Wakeup(self.wakeups[-1]))

    def at_client(self) -> list[tuple[str, bytes]]:
        return frames(self.sent["client"], masked=False)

    def at_server(self) -> list[tuple[str, bytes]]:
        return frames(self.sent["server"], masked=True)


@pytest.fixture
def wire(tmp_path):
    return Wire(tmp_path)


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_a_message_arrives_as_it_was_framed(wire, step):
    data = text(b"hello", 2, 0, 3) + text(b"") + b"".join(frames_of([b"\xff\x00"], [2], Opcode.BINARY, lambda: KEY))
    for start in range(0, len(data), step):
        wire.client(data[start : start + step])
    assert wire.at_server() == [
        ("TEXT+", b"he"), ("CONTINUATION+", b""), ("CONTINUATION", b"llo"), ("TEXT", b""), ("BINARY", b"\xff\x00"),
    ]  # fmt: skip
    assert [(is_text, data) for is_text, data, _, _ in wire.judged] == [
        (True, b"hello"),
        (True, b""),
        (False, b"\xff\x00"),
    ]
    assert wire.closed == []


def test_nothing_of_a_message_leaves_before_its_verdict(wire):
    wire.answers = False
    wire.client(text(b"first", 2, 3)[:-1])
    assert wire.judged == []
    wire.client(text(b"first", 2, 3)[-1:] + text(b"second"))
    wire.server(frame_head(Opcode.TEXT, 2, is_final=True) + b"hi")
    wire.client(text(b"third"))
    assert (wire.sent["server"], len(wire.judged), wire.layer.is_waiting) == (b"", 1, True)
    wire.answer()
    assert wire.at_server() == [("TEXT+", b"fi"), ("CONTINUATION", b"rst")]
    wire.answer()
    wire.answer()
    assert [data for _, data, _, _ in wire.judged] == [b"first", b"second", b"third"]
    assert [payload for _, payload in wire.at_server()] == [b"fi", b"rst", b"second", b"third"]
    assert wire.at_client() == [("TEXT", b"hi")]


def test_a_refused_message_closes_both_and_nothing_of_it_leaves(wire):
    wire.allows = False
    wire.client(text(b"11010519491231002X", 9, 9) + text(b"and more"))
    assert wire.at_client() == [("CLOSE", close_payload(1008, "blocked"))]
    assert wire.at_server() == [("CLOSE", close_payload(1001))]
    assert (wire.closed, len(wire.judged)) == (["server"], 1)
    wire.client(text(b"still talking"))
    wire.client(control_frame(Opcode.CLOSE, close_payload(1008), KEY))
    assert wire.closed == ["server", "client"]
    assert (wire.hooks[-1], len(wire.judged)) == ("WebsocketEndHook", 1)


@pytest.mark.parametrize("how", ["time", "end of its stream", "close in the same bytes"])
def test_a_refused_client_is_closed_in_the_end(wire, how):
    wire.allows = False
    wire.client(text(b"x") + (control_frame(Opcode.CLOSE, b"", KEY) if how == "close in the same bytes" else b""))
    if how == "time":
        wire.client(b"\xff\xff no frames any more")
        wire.wake()
    elif how == "end of its stream":
        wire.event(events.ConnectionClosed(wire.context.client))
    assert sorted(wire.closed) == ["client", "server"]
    assert wire.hooks.count("WebsocketEndHook") == 1
    wire.event(events.ConnectionClosed(wire.context.server))
    wire.wake()
    assert wire.hooks.count("WebsocketEndHook") == 1


def test_a_refusal_waits_for_the_end_of_a_frame_on_its_way_to_the_client(wire):
    wire.server(frame_head(Opcode.BINARY, 6, is_final=True) + b"abc")
    wire.allows = False
    wire.client(text(b"x"))
    assert (wire.closed, wire.sent["server"]) == ([], b"")
    wire.server(b"de")
    wire.server(b"f" + frame_head(Opcode.TEXT, 1, is_final=True) + b"n")
    assert wire.at_client() == [("BINARY", b"abcdef"), ("CLOSE", close_payload(1008, "blocked"))]
    assert (wire.closed, wire.at_server()) == (["server"], [("CLOSE", close_payload(1001))])
    wire.wake()
    assert wire.closed == ["server", "client"]


def test_a_server_that_ends_inside_that_frame_ends_it(wire):
    wire.server(frame_head(Opcode.BINARY, 6, is_final=True) + b"abc")
    wire.allows = False
    wire.client(text(b"x"))
    wire.event(events.ConnectionClosed(wire.context.server))
    assert sorted(wire.closed) == ["client", "server"]


@pytest.mark.parametrize(
    ("data", "problem", "code"),
    [
        param(b"\xc1\x80" + KEY, "websocket-frames", 1002, id="deflate that nobody agreed on"),
        param(b"\x81\x05hello", "websocket-frames", 1002, id="no mask"),
        param(text(b"\xff\xfe"), "websocket-frames", 1007, id="text that is no UTF-8"),
        param(text("拦".encode()[:2]), "websocket-frames", 1007, id="half a character"),
        param(frame_head(Opcode.TEXT, 300_001, is_final=True, key=KEY), "body-limit", 1009, id="declared too long"),
        param(text(bytes(400_000), 200_000, 200_000), "body-limit", 1009, id="too long together"),
        param(text(b"", *[0] * (MAX_FRAMES + 1)), "websocket-frames", 1009, id="endless fragments"),
        param(control_frame(Opcode.CLOSE, b"\x03", KEY), "websocket-frames", 1002, id="half a close code"),
    ],
)
@pytest.mark.parametrize("step", [7919, 1_000_000])
def test_what_cannot_be_read_is_refused_for_a_reason(wire, data, problem, code, step):
    for start in range(0, len(data), step):
        wire.client(data[start : start + step])
    assert [told for _, _, told, _ in wire.judged] == [problem]
    assert wire.at_client() == [("CLOSE", close_payload(code))]
    assert (wire.at_server(), wire.closed) == ([("CLOSE", close_payload(1001))], ["server"])


def test_a_disk_that_fails_is_a_refusal(wire, tmp_path):
    MessageLayer.new_spool = staticmethod(lambda: Spool(str(tmp_path / "gone")))
    wire.client(text(bytes(299_999)))
    assert [told for _, _, told, _ in wire.judged] == ["spool"]
    assert wire.at_client() == [("CLOSE", close_payload(1011))]


def test_a_byte_order_mark_is_text_and_passes(wire):
    wire.client(text(BOM_UTF8 + b"x", 1, 3))
    assert [payload for _, payload in wire.at_server()] == [BOM_UTF8[:1], BOM_UTF8[1:] + b"x"]


def test_a_long_message_waits_for_the_server(wire):
    wire.client(text(bytes(300_000)))
    assert (wire.drains, [len(payload) for _, payload in wire.at_server()]) == (1, [300_000])


def test_forwarding_ends_with_the_server(wire):
    stop = wire.hook

    def hook(command: commands.StartHook) -> None:
        if isinstance(command, SluiceMessageDrainHook):
            wire.event(events.ConnectionClosed(wire.context.server))
        stop(command)

    wire.hook = hook
    wire.client(text(bytes(300_000)))
    assert len(wire.sent["server"]) < 300_000
    assert sorted(wire.closed) == ["client", "server"]


def test_pings_go_through_without_what_the_client_wrote(wire):
    wire.client(control_frame(Opcode.PING, b"11010519491231002X", KEY))
    ((kind, number),) = wire.at_server()
    assert (kind, number) == ("PING", (1).to_bytes(8))
    wire.server(control_frame(Opcode.PONG, number) + control_frame(Opcode.PONG, b"asked by nobody"))
    assert wire.at_client() == [("PONG", b"11010519491231002X")]


def test_pongs_answer_what_was_asked(wire):
    wire.server(control_frame(Opcode.PING, b"alive?"))
    wire.client(control_frame(Opcode.PONG, b"made up", KEY) + control_frame(Opcode.PONG, b"alive?", KEY))
    assert (wire.at_client(), wire.at_server()) == ([("PING", b"alive?")], [("PONG", b"alive?")])


@pytest.mark.parametrize(
    ("payload", "passed_on"), [(close_payload(4001, "11010519491231002X"), close_payload(4001)), (b"", b"")]
)
def test_of_the_clients_close_only_the_code_goes_on(wire, payload, passed_on):
    wire.client(control_frame(Opcode.CLOSE, payload, KEY))
    assert (wire.at_server(), wire.at_client()) == ([("CLOSE", passed_on)], [("CLOSE", passed_on)])
    assert sorted(wire.closed) == ["client", "server"]


def test_the_servers_close_reaches_the_client_which_has_time_to_answer(wire):
    wire.server(control_frame(Opcode.CLOSE, close_payload(1000, "done")) + b"\x81\x01x")
    assert (wire.at_client(), wire.closed) == ([("CLOSE", close_payload(1000, "done"))], ["server"])
    wire.event(events.ConnectionClosed(wire.context.server))
    assert wire.closed == ["server"]
    wire.client(control_frame(Opcode.CLOSE, close_payload(1000), KEY))
    assert wire.closed == ["server", "client"]


def test_what_the_server_sends_flows_and_is_not_kept(wire):
    wire.server(frame_head(Opcode.BINARY, 1 << 30, is_final=False))
    for _ in range(100):
        wire.server(bytes(10_000))
    assert len(wire.sent["client"]) == 1_000_000 + len(frame_head(Opcode.BINARY, 1 << 30, is_final=False))
    assert len(wire.flow.websocket.messages) == len(tflow.twebsocketflow().websocket.messages)


@pytest.mark.parametrize("data", [b"\x81\x80" + KEY, b"\xc1\x00"], ids=["server masks", "deflate"])
def test_a_server_that_breaks_the_protocol_ends_it(wire, data):
    wire.server(data)
    assert (sorted(wire.closed), wire.sent["client"]) == (["client", "server"], b"")


@pytest.mark.parametrize("side", ["client", "server"])
def test_the_end_of_either_ends_both(wire, side):
    wire.client(text(b"half", 4)[:-1])
    wire.event(events.ConnectionClosed(getattr(wire.context, side)))
    assert (sorted(wire.closed), wire.judged, wire.hooks[-1]) == (["client", "server"], [], "WebsocketEndHook")
    wire.client(b"late")


@pytest.mark.parametrize(
    "options",
    [{"agreed": False}, {"extensions": "permessage-deflate"}],
    ids=["nobody asked", "extension nobody offered"],
)
def test_a_connection_that_was_not_agreed_on_ends_at_once(tmp_path, options):
    wire = Wire(tmp_path, **options)
    assert sorted(wire.closed) == ["client", "server"]
    wire.client(text(b"x"))
    assert (wire.judged, wire.sent, wire.layer.is_waiting) == ([], {"client": b"", "server": b""}, False)


def test_nothing_is_read_behind_a_close(wire):
    wire.client(control_frame(Opcode.CLOSE, b"", KEY) + text(b"late"))
    assert (wire.judged, wire.at_server()) == ([], [("CLOSE", b"")])


def test_what_follows_a_refused_message_may_be_anything(wire):
    wire.allows = False
    wire.client(text(b"x") + b"\xff\xff\xff")
    wire.server(frame_head(Opcode.TEXT, 1, is_final=True) + b"n")
    assert (len(wire.judged), wire.at_client()) == (1, [("CLOSE", close_payload(1008, "blocked"))])


def test_a_client_that_closes_inside_a_frame_to_it_gets_no_frame_in_that(wire):
    wire.server(frame_head(Opcode.BINARY, 6, is_final=True) + b"abc")
    wire.client(control_frame(Opcode.CLOSE, b"", KEY))
    assert wire.sent["client"] == frame_head(Opcode.BINARY, 6, is_final=True) + b"abc"
    assert sorted(wire.closed) == ["client", "server"]
