from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.errors import InspectorError
from gateway.findings import Inspection
from gateway.inspectors.codec import decode
from gateway.inspectors.words import (
    MAX_REPLY_BYTES,
    Carriage,
    Failure,
    JobHead,
    PoolState,
    Reason,
    Ticket,
    pack_head,
    pack_reply,
    read_reply,
    reply_length,
)
from tests.samples.inspectors import TRANSFER


def test_a_head_is_its_length_and_json():
    head = JobHead(TRANSFER, 1.5, 9, Carriage.DESCRIPTOR)
    data = pack_head(head)
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    assert decode(JobHead, data[4:]) == head


def test_a_head_that_no_inspector_would_read_is_not_sent():
    large = replace(TRANSFER, request=replace(TRANSFER.request, query="q" * 4 * 1024 * 1024))
    with pytest.raises(InspectorError) as caught:
        pack_head(JobHead(large, 1.0, 0, Carriage.INLINE))
    assert caught.value.reason == "protocol"


def test_a_ticket_is_sixteen_bytes():
    assert Ticket(258, 3).pack() == bytes.fromhex("0000000000000102 0000000000000003")
    assert Ticket.unpack(Ticket(258, 3).pack()) == Ticket(258, 3)


@pytest.mark.parametrize(
    ("reply", "tag"),
    [
        pytest.param(Inspection(persons=4), b"I", id="inspection"),
        pytest.param(Failure(Reason.MEMORY, "MemoryError", "x.py:3"), b"F", id="failure"),
    ],
)
def test_a_reply_comes_back(reply, tag):
    data = pack_reply(reply)
    assert reply_length(data[:5]) == (tag, len(data) - 5)
    assert read_reply(tag, data[5:]) == reply


def test_a_reply_that_is_too_large_becomes_a_failure():
    fits = Inspection(failure="x" * (MAX_REPLY_BYTES - 200))
    assert pack_reply(fits)[:1] == b"I"
    data = pack_reply(Inspection(failure="x" * MAX_REPLY_BYTES))
    assert read_reply(b"F", data[5:]) == Failure(Reason.PROTOCOL, "ReplyTooLarge")


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"i\0\0\0\0", id="unknown tag"),
        pytest.param(b"I\0\x80\0\1", id="one byte too long"),
        pytest.param(b"F\xff\xff\xff\xff", id="far too long"),
    ],
)
def test_a_reply_with_a_wrong_head_is_refused(head):
    with pytest.raises(InspectorError, match="protocol"):
        reply_length(head)


def test_a_reply_of_the_largest_size_is_read():
    assert reply_length(b"I\0\x80\0\0") == (b"I", 8 * 1024 * 1024)


@pytest.mark.parametrize(
    ("tag", "data"),
    [
        pytest.param(b"I", b'{"reason":"crash","kind":"","where":""}', id="failure as inspection"),
        pytest.param(b"F", b'{"reason":"tired","kind":"","where":""}', id="unknown reason"),
        pytest.param(b"F", b"", id="nothing"),
    ],
)
def test_a_reply_that_is_none_is_refused(tag, data):
    with pytest.raises(InspectorError, match="protocol"):
        read_reply(tag, data)


def test_a_state_without_a_generation_has_no_workers():
    assert PoolState().workers == 0
