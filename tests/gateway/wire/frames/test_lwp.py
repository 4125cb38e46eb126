"""DingTalk's frames: steps of an upload are told from messages, and what servers could read in two ways is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import MalformedError
from gateway.wire.frames.lwp import ANNOUNCE, COMMIT, MAX_FRAME_BYTES, PIECE, UploadFrame, read_upload

param = pytest.param


def frame(lwp: object, up_req: object = None, body: object = None, **more: object) -> bytes:
    headers = {"mid": "1 0"} if up_req is None else {"mid": "1 0", "up-req": up_req}
    return json.dumps({"lwp": lwp, "headers": headers, **({} if body is None else {"body": body}), **more}).encode()


@pytest.mark.parametrize(
    ("text", "step"),
    [
        param(frame("/up/frag", "a1;0;0;x", "aGk="), UploadFrame(PIECE, "a1", 0, b"hi"), id="piece"),
        param(frame("/up/frag", "a1;7", "aGk="), UploadFrame(PIECE, "a1", 7, b"hi"), id="short header"),
        param(frame("/up/ci", "a1;1;0;x", "aGk="), UploadFrame(COMMIT, "a1", 1, b"hi"), id="last piece"),
        param(frame("/up/ci", "a1;1;0;x"), UploadFrame(COMMIT, "a1", -1, b""), id="completed without a piece"),
        param(
            frame("/up/pre", body=[{"name": "名单.xlsx", "size": 12}]),
            UploadFrame(ANNOUNCE, "", -1, b"", "名单.xlsx", 12),
            id="announcement",
        ),
        param(
            frame("/up/pre", "a1;0", [{"x": {"fileName": "a", "file_size": "99", "chunk": {"size": 3}}}]),
            UploadFrame(ANNOUNCE, "a1", -1, b"", "a", 99),
            id="announcement, deep",
        ),
        param(frame("/up/pre", body="x"), UploadFrame(ANNOUNCE, "", -1, b""), id="announcement of nothing"),
        param(
            frame("/up/pre", body=[{"size": True, "name": 3}, {"size": -1}]),
            UploadFrame(ANNOUNCE, "", -1, b""),
            id="no facts",
        ),
        param(
            b'{"lwp":"\\u002fup\\u002ffrag","headers":{"up-req":"a;0"},"body":"aGk="}',
            UploadFrame(PIECE, "a", 0, b"hi"),
            id="escaped",
        ),
        param(b"\xef\xbb\xbf \n" + frame("/up/pre"), UploadFrame(ANNOUNCE, "", -1, b""), id="byte order mark"),
    ],
)
def test_steps_of_an_upload(text, step):
    assert read_upload(text) == step


@pytest.mark.parametrize(
    "text",
    [
        param(frame("/r/IDLSend/send", body=["hello"]), id="message"),
        param(frame(3), id="no path"),
        param(b'{"headers":{}}', id="answer"),
        param(b"[1,2]", id="array"),
        param(b"ping", id="no JSON at all"),
        param(b"", id="empty"),
    ],
)
def test_other_messages_are_no_step(text):
    assert read_upload(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        param(frame("/up/other", "a;0", "aGk="), "unknown step", id="unknown step"),
        param(frame("/UP/frag", "a;0", "aGk="), "unknown step", id="other case"),
        param(frame(" up/frag", "a;0", "aGk="), "unknown step", id="other spelling"),
        param(frame("/up/frag", None, "aGk="), "without an upload", id="no upload"),
        param(frame("/up/frag", 5, "aGk="), "up-req", id="number for a header"),
        param(frame("/up/frag", "a", "aGk="), "up-req", id="no index"),
        param(frame("/up/frag", "a;-1", "aGk="), "up-req", id="negative index"),
        param(frame("/up/frag", "a;999999", "aGk="), "up-req", id="index out of range"),
        param(frame("/up/frag", "a b;0", "aGk="), "up-req", id="strange id"),
        param(frame("/up/frag", "a;0", ["aGk="]), "body of a piece", id="list for a piece"),
        param(frame("/up/frag", "a;0", "aGk"), "base64", id="no padding"),
        param(frame("/up/frag", "a;0", "aG k="), "base64", id="blank in base64"),
        param(frame("/up/frag", "a;0", "aGk=aGk="), "base64", id="padding in the middle"),
        param(frame("/up/frag", "a;0", "aGk=拦"), "base64", id="other script"),
        param(b'{"lwp":"/up/pre","headers":[]}', "headers", id="list for headers"),
        param(b'{"lwp":"/x","lwp":"/up/ci"}', "a key twice", id="key twice"),
        param(b'{"lwp":"/x",}', "no JSON", id="loose JSON"),
        param(b'{"lwp":"\xff"}', "no JSON", id="no UTF-8"),
        param(b'{"a":' * 90_000, "no JSON", id="too deep"),
        param(b'{"a":"' + b"x" * MAX_FRAME_BYTES + b'"}', "too long", id="too long"),
    ],
)
def test_what_may_be_read_in_two_ways_is_refused(text, why):
    with pytest.raises(MalformedError, match=why):
        read_upload(text)


@given(st.binary(max_size=60).map(lambda tail: b'{"lwp":"/up/frag"' + tail))
def test_any_bytes_are_a_step_a_message_or_refused(text):
    try:
        step = read_upload(text)
    except MalformedError:
        return
    assert step is None or step.step in {ANNOUNCE, PIECE, COMMIT}
