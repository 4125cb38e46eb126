"""RFC 6455 frames: read byte by byte in linear time without keeping a payload, and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from gateway.errors import FrameError

MAX_CONTROL_BYTES = 125
"""Longest payload of a control frame (RFC 6455, 5.5)."""
KEY_BYTES = 4
"""Length of a masking key."""
_FIN, _RESERVED, _OPCODE, _MASKED, _LENGTH = 0x80, 0x70, 0x0F, 0x80, 0x7F
_SHORT, _TWO_BYTES, _EIGHT_BYTES = 125, 126, 127


class Opcode(IntEnum):
    """Kinds of frames; the numbers that are missing are reserved."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10

    @property
    def is_control(self) -> bool:
        """Whether it may stand between the fragments of a message."""
        return self >= Opcode.CLOSE


class Close(IntEnum):
    """Codes of RFC 6455, 7.4.1 that the gateway closes with."""

    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    INVALID_DATA = 1007
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    RESTART = 1012


_OPCODES = frozenset(Opcode)
_SENDABLE = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
"""Codes that may stand in a close frame; those of applications lie between 3000 and 4999."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some bytes of one frame, unmasked: none with the head of a data frame, a control frame always whole."""

    opcode: Opcode
    is_final: bool
    """Whether the frame is the last of its message."""
    length: int
    """Length of the whole frame's payload."""
    data: bytes
    is_start: bool
    is_end: bool
    """Whether the frame is complete with this chunk."""


class FrameReader:
    """One direction of a connection; what it keeps is at most a head or a control frame."""

    def __init__(self, *, masked: bool) -> None:
        """`masked`: whether the frames must be masked, as those of a client must, or must not be."""
        self._masked = masked
        self._head = bytearray()
        self._is_fragmented = False
        self._opcode = Opcode.CONTINUATION
        self._is_final = True
        self._length = self._left = 0
        self._key = b""
        self._control = bytearray()

    @property
    def is_between(self) -> bool:
        """Whether everything so far ended with a frame."""
        return not self._left and not self._head

    def feed(self, data: bytes) -> Iterator[Chunk]:
        r"""What the bytes complete, in order; raises FrameError for what breaks the protocol, and is then of no more use.

        >>> [chunk.data for chunk in FrameReader(masked=False).feed(b"\x81\x02ok")]
        [b'', b'ok']
        """
        view, position = memoryview(data), 0
        while position < len(view):
            if not self._left:
                self._head.append(view[position])
                position += 1
                if len(self._head) < self._head_bytes():
                    continue
                self._begin(bytes(self._head))
                self._head.clear()
                if not self._length or not self._opcode.is_control:
                    yield self._chunk(b"", is_start=True)
                continue
            payload = bytes(view[position : position + self._left])
            position += len(payload)
            yield from self._payload(payload)

    def _payload(self, payload: bytes) -> Iterator[Chunk]:
        offset = self._length - self._left
        self._left -= len(payload)
        if self._masked:
            payload = masked(payload, self._key, offset)
        if not self._opcode.is_control:
            yield self._chunk(payload, is_start=False)
            return
        self._control += payload
        if not self._left:
            whole = bytes(self._control)
            self._control.clear()
            yield self._chunk(whole, is_start=True)

    def _chunk(self, data: bytes, *, is_start: bool) -> Chunk:
        return Chunk(self._opcode, self._is_final, self._length, data, is_start, not self._left)

    def _head_bytes(self) -> int:
        """How long the head is, as far as its first bytes tell."""
        if len(self._head) < 2:
            return 2
        self._check(self._head[0], self._head[1])
        extra = {_TWO_BYTES: 2, _EIGHT_BYTES: 8}.get(self._head[1] & _LENGTH, 0)
        return 2 + extra + (KEY_BYTES if self._masked else 0)

    def _check(self, first: int, second: int) -> None:
        opcode = first & _OPCODE
        if first & _RESERVED:
            raise FrameError(Close.PROTOCOL_ERROR, "reserved bits: no extension was agreed on")
        if opcode not in _OPCODES:
            raise FrameError(Close.PROTOCOL_ERROR, "reserved opcode")
        if bool(second & _MASKED) is not self._masked:
            raise FrameError(Close.PROTOCOL_ERROR, "masking")
        if opcode >= Opcode.CLOSE:
            if not first & _FIN or second & _LENGTH > _SHORT:
                raise FrameError(Close.PROTOCOL_ERROR, "fragmented or long control frame")
        elif (opcode == Opcode.CONTINUATION) is not self._is_fragmented:
            raise FrameError(Close.PROTOCOL_ERROR, "continuation")

    def _begin(self, head: bytes) -> None:
        short = head[1] & _LENGTH
        end = len(head) - (KEY_BYTES if self._masked else 0)
        length = int.from_bytes(head[2:end]) if short > _SHORT else short
        # One length has one spelling, and the eighth byte's first bit is none of it.
        if (short == _TWO_BYTES and length <= _SHORT) or (short == _EIGHT_BYTES and not 1 << 16 <= length < 1 << 63):
            raise FrameError(Close.PROTOCOL_ERROR, "length")
        self._opcode, self._is_final = Opcode(head[0] & _OPCODE), bool(head[0] & _FIN)
        self._length = self._left = length
        self._key = head[end:]
        if not self._opcode.is_control:
            self._is_fragmented = not self._is_final


def masked(data: bytes, key: bytes, offset: int = 0) -> bytes:
    """The bytes exclusive-or the key, which is its own reverse; `offset` is where in the payload they stand.

    >>> masked(masked(b"text", b"abcd"), b"abcd")
    b'text'
    """
    shift = offset % KEY_BYTES
    turned = key[shift:] + key[:shift]
    count = len(data)
    repeated = turned * (count // KEY_BYTES + 1)
    return (int.from_bytes(data) ^ int.from_bytes(repeated[:count])).to_bytes(count)


def frame_head(opcode: int, length: int, *, is_final: bool, key: bytes = b"") -> bytes:
    r"""The head of a frame; with a key that of a masked one.

    >>> frame_head(Opcode.TEXT, 300, is_final=True)
    b'\x81~\x01,'
    """
    first = (_FIN if is_final else 0) | opcode
    flag = _MASKED if key else 0
    if length <= _SHORT:
        return bytes((first, flag | length)) + key
    if length < 1 << 16:
        return bytes((first, flag | _TWO_BYTES)) + length.to_bytes(2) + key
    return bytes((first, flag | _EIGHT_BYTES)) + length.to_bytes(8) + key


def control_frame(opcode: Opcode, payload: bytes, key: bytes = b"") -> bytes:
    """A whole control frame; the payload is cut to what one can hold."""
    payload = payload[:MAX_CONTROL_BYTES]
    return frame_head(opcode, len(payload), is_final=True, key=key) + (masked(payload, key) if key else payload)


def close_payload(code: int, reason: str = "") -> bytes:
    r"""The payload of a close frame; a reason too long is cut between characters.

    >>> close_payload(1008, "no")
    b'\x03\xf0no'
    """
    text = reason.encode()[: MAX_CONTROL_BYTES - 2]
    return code.to_bytes(2) + text.decode("utf-8", "ignore").encode()


def close_code(payload: bytes) -> int:
    r"""The code of a close frame, 1000 when it gives none; raises FrameError for one that may not be sent.

    >>> close_code(b""), close_code(b"\x03\xe9bye")
    (1000, 1001)
    """
    if not payload:
        return 1000
    code = int.from_bytes(payload[:2])
    if len(payload) < 2 or (code not in _SENDABLE and not 3000 <= code <= 4999):
        raise FrameError(Close.PROTOCOL_ERROR, "close code")
    return code


def frames_of(
    chunks: Iterable[bytes], lengths: Sequence[int], opcode: Opcode, new_key: Callable[[], bytes]
) -> Iterator[bytes]:
    r"""A message as masked frames of these lengths, whose sum is that of the chunks; nothing is kept but one chunk.

    `new_key` gives a fresh masking key for each frame.

    >>> b"".join(frames_of([b"a", b"bc"], [2, 1], Opcode.TEXT, lambda: bytes(4)))
    b'\x01\x82\x00\x00\x00\x00ab\x80\x81\x00\x00\x00\x00c'
    """
    source, rest = iter(chunks), b""
    for index, length in enumerate(lengths):
        key, done = new_key(), 0
        kind = Opcode.CONTINUATION if index else opcode
        yield frame_head(kind, length, is_final=index == len(lengths) - 1, key=key)
        while done < length:
            rest = rest or next(source)
            piece, rest = rest[: length - done], rest[length - done :]
            yield masked(piece, key, done)
            done += len(piece)
