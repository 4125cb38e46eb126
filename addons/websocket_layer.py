"""The engine's layer of one WebSocket: whole messages wait for their verdict, everything else flows in pieces.

The stock layer joins fragments in square time, inflates without bound, keeps every message, and relays a refused one's
connection for ever. This one keeps a message in a spool, what comes from the server not at all, and closes both sides.
The gateway is an end of both connections: no byte of a control frame that a client wrote reaches the server.
"""

from __future__ import annotations

import os
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from mitmproxy import http
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.websocket import WebsocketEndHook, WebsocketStartHook

from addons.conversation import CONVERSATION, Conversation, Message
from addons.hold import PUMP_STEP_BYTES
from gateway.errors import FrameError
from gateway.spool import Spool
from gateway.wire.frames.frame import (
    KEY_BYTES,
    Chunk,
    Close,
    FrameReader,
    Opcode,
    close_code,
    close_payload,
    control_frame,
    frame_head,
    frames_of,
)
from gateway.wire.frames.pings import Pings

MAX_FRAMES = 10_000
"""Most fragments of one message; a client sends tens."""
LINGER_S = 2.0
"""How long a refused client may take to read why and to close; what it still sends is thrown away."""

type Commands = Generator[commands.Command, Any, None]


@dataclass
class SluiceMessageHook(commands.StartHook):
    """Blocks the connection until the conversation's message has its verdict; handled in `websocket`."""

    flow: http.HTTPFlow


@dataclass
class SluiceMessageDrainHook(commands.StartHook):
    """Blocks the connection until the server has taken what was written to it; handled in `websocket`."""

    flow: http.HTTPFlow


class MessageLayer(layer.Layer):
    """Takes the place of mitmproxy's WebsocketLayer."""

    new_spool: ClassVar[Callable[[], Spool]]
    """Makes the spool of a new message; set once by `addons.patches.install`, as the bound."""
    max_message_bytes: ClassVar[int] = 0
    """Largest message, `Limits.max_websocket_message_bytes`."""

    def __init__(self, context: Context, flow: http.HTTPFlow) -> None:
        super().__init__(context)
        self.flow = flow
        self.from_client = FrameReader(masked=True)
        self.from_server = FrameReader(masked=False)
        self.message: Message | None = None
        self.pings = Pings()
        self.state: Callable[[events.Event], Commands] = self.start
        self.farewell = b""
        """Close frame that waits for the end of a frame on its way to the client."""

    @property
    def is_waiting(self) -> bool:
        """Whether a message waits for its verdict."""
        conversation: Conversation | None = self.flow.metadata.get(CONVERSATION)
        return conversation is not None and conversation.message is not None

    def _handle_event(self, event: events.Event) -> Commands:
        yield from self.state(event)

    def start(self, _event: events.Event) -> Commands:
        """The 101 has gone to the client."""
        assert self.flow.response is not None
        agreed = CONVERSATION in self.flow.metadata and "sec-websocket-extensions" not in self.flow.response.headers
        self.state = self.relay if agreed else self.done
        yield WebsocketStartHook(self.flow)
        if not agreed:
            # A 101 that nobody asked for, or an extension that nobody offered: its bytes could not be read.
            yield from self.end()

    def relay(self, event: events.Event) -> Commands:
        """An open connection."""
        if isinstance(event, events.DataReceived):
            from_client = event.connection == self.context.client
            yield from self.client_data(event.data) if from_client else self.server_data(event.data)
        else:
            yield from self.end()

    def client_data(self, data: bytes) -> Commands:
        """Frames of the client."""
        try:
            for chunk in self.from_client.feed(data):
                if self.state == self.done:
                    return
                if self.state == self.linger:
                    # The rest is thrown away, but must be gone through for the reader to keep its place.
                    if chunk.opcode is Opcode.CLOSE:
                        yield from self.end()
                elif chunk.opcode.is_control:
                    yield from self.client_control(chunk)
                else:
                    yield from self.collect(chunk)
        except FrameError as error:
            if self.state == self.relay:
                yield from self.give_up("websocket-frames", error.why, error.code)

    def collect(self, chunk: Chunk) -> Commands:
        """Some bytes of a message; at its end the verdict is awaited."""
        if self.message is None:
            self.message = Message(type(self).new_spool(), chunk.opcode is Opcode.TEXT, started_at=time.monotonic())
            self.text = getincrementaldecoder("utf-8")()
        message = self.message
        if chunk.is_start:
            message.lengths.append(chunk.length)
        most = self.max_message_bytes
        # The declared length counts too, so that what cannot pass is not even received.
        if message.spool.size_bytes + (chunk.length if chunk.is_start else len(chunk.data)) > most:
            yield from self.give_up("body-limit", f"message over {most} bytes", Close.TOO_BIG)
            return
        if len(message.lengths) > MAX_FRAMES:
            yield from self.give_up("websocket-frames", f"message of over {MAX_FRAMES} frames", Close.TOO_BIG)
            return
        is_whole = chunk.is_final and chunk.is_end
        try:
            if message.is_text:
                self.text.decode(chunk.data, final=is_whole)
            message.spool.write(chunk.data)
        except UnicodeDecodeError:
            yield from self.give_up("websocket-frames", "text that is no UTF-8", Close.INVALID_DATA)
        except OSError:
            yield from self.give_up("spool", "", Close.INTERNAL_ERROR)
        else:
            if is_whole:
                yield from self.decide()

    def decide(self) -> Commands:
        """The message is whole: wait for the verdict, then forward or close."""
        message, self.message = self.message, None
        assert message is not None
        message.arrived_at = time.monotonic()
        conversation: Conversation = self.flow.metadata[CONVERSATION]
        conversation.message = message
        yield SluiceMessageHook(self.flow)
        conversation.message = None
        if message.may_leave and not message.problem:
            yield from self.forward(message)
        else:
            yield from self.refuse(*message.close)
        message.spool.close()

    def forward(self, message: Message) -> Commands:
        """Write the message to the server, in frames as it came, waiting after every PUMP_STEP_BYTES."""
        opcode = Opcode.TEXT if message.is_text else Opcode.BINARY
        pending = bytearray()
        since_drain = 0
        for piece in frames_of(message.spool.chunks(), message.lengths, opcode, lambda: os.urandom(KEY_BYTES)):
            pending += piece
            if len(pending) >= PUMP_STEP_BYTES:
                yield commands.SendData(self.context.server, bytes(pending))
                since_drain += len(pending)
                pending.clear()
                yield SluiceMessageDrainHook(self.flow)
                if any(isinstance(event, events.ConnectionClosed) for event in self._paused_event_queue):
                    return
        yield commands.SendData(self.context.server, bytes(pending))

    def give_up(self, problem: str, because: str, code: int) -> Commands:
        """Record that the message is refused unread, and close."""
        message = self.message or Message(type(self).new_spool(), is_text=False, started_at=time.monotonic())
        message.problem, message.because, message.close = problem, because, (code, "")
        self.message = message
        yield from self.decide()

    def client_control(self, chunk: Chunk) -> Commands:
        """Ping, pong or close of the client; of what it wrote only a close code goes on."""
        if chunk.opcode is Opcode.PING:
            yield self.to_server(Opcode.PING, self.pings.from_client(chunk.data))
        elif chunk.opcode is Opcode.PONG:
            if self.pings.is_answer_of_client(chunk.data):
                yield self.to_server(Opcode.PONG, chunk.data)
        else:
            code = close_code(chunk.data)
            answer = close_payload(code) if chunk.data else b""
            yield self.to_server(Opcode.CLOSE, answer)
            if self.from_server.is_between:
                yield commands.SendData(self.context.client, control_frame(Opcode.CLOSE, answer))
            yield from self.end()

    def to_server(self, opcode: Opcode, payload: bytes) -> commands.SendData:
        """A control frame of our own."""
        return commands.SendData(self.context.server, control_frame(opcode, payload, os.urandom(KEY_BYTES)))

    def server_data(self, data: bytes) -> Commands:
        """Frames of the server: passed on as they come, nothing is kept."""
        out = bytearray()
        is_closed = False
        try:
            for chunk in self.from_server.feed(data):
                if chunk.opcode is Opcode.PONG:
                    payload = self.pings.answer_of_server(chunk.data)
                    if payload is not None:
                        out += control_frame(Opcode.PONG, payload)
                    continue
                if chunk.opcode is Opcode.PING:
                    self.pings.from_server(chunk.data)
                if chunk.is_start:
                    out += frame_head(chunk.opcode, chunk.length, is_final=chunk.is_final)
                out += chunk.data
                if chunk.opcode is Opcode.CLOSE or (self.farewell and self.from_server.is_between):
                    is_closed = True
                    break
        except FrameError:
            yield from self.end()
            return
        yield commands.SendData(self.context.client, bytes(out))
        if is_closed:
            yield from self.server_closed()

    def server_closed(self) -> Commands:
        """The server has closed, or the frame is through that a refusal waited for."""
        if self.farewell:
            yield from self.say_farewell()
        else:
            yield self.to_server(Opcode.CLOSE, b"")
            yield commands.CloseConnection(self.context.server)
            yield from self.wait_for_client()

    def wait_for_client(self) -> Commands:
        """The client has been told to close, and has a moment for it."""
        self.state = self.linger
        yield commands.RequestWakeup(LINGER_S)

    def refuse(self, code: int, reason: str) -> Commands:
        """Tell both sides, stop reading the server, and give the client a moment to read why."""
        self.farewell = control_frame(Opcode.CLOSE, close_payload(code, reason))
        yield from self.wait_for_client()
        if self.from_server.is_between:
            yield from self.say_farewell()

    def say_farewell(self) -> Commands:
        """The close frames; the server's connection ends at once."""
        farewell, self.farewell = self.farewell, b""
        yield commands.SendData(self.context.client, farewell)
        yield self.to_server(Opcode.CLOSE, close_payload(Close.GOING_AWAY))
        yield commands.CloseConnection(self.context.server)

    def linger(self, event: events.Event) -> Commands:
        """A refused connection: what the client still sends is thrown away, until it closes or time is up."""
        is_over = isinstance(event, events.Wakeup)
        if isinstance(event, events.ConnectionClosed):
            is_over = event.connection == self.context.client or bool(self.farewell)
        elif isinstance(event, events.DataReceived):
            if event.connection == self.context.client:
                is_over = self.is_client_closed(event.data)
            elif self.farewell:
                yield from self.server_data(event.data)
        if is_over:
            yield from self.end()

    def is_client_closed(self, data: bytes) -> bool:
        """Whether the client's own close frame is in what it sends; unreadable frames hide it, then time decides."""
        try:
            return any(chunk.opcode is Opcode.CLOSE for chunk in self.from_client.feed(data))
        except FrameError:
            return False

    def end(self) -> Commands:
        """Close both connections; the flow is over."""
        self.state = self.done
        if self.message is not None:
            self.message.spool.close()
        for connection in (self.context.client, self.context.server):
            if connection.connected:
                yield commands.CloseConnection(connection)
        yield WebsocketEndHook(self.flow)
        self.flow.live = False

    def done(self, _event: events.Event) -> Commands:
        """Nothing comes after the end."""
        yield from ()
