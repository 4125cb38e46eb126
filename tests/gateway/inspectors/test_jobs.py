from __future__ import annotations

import os
import socket
from dataclasses import replace

import pytest

from gateway.inspectors.jobs import JobError, receive_job
from gateway.inspectors.words import LENGTH, Carriage, JobHead, pack_head
from tests.samples.inspectors import TRANSFER
from tests.support.pool import open_files

KIB = 1024
HEAD = JobHead(TRANSFER, 2.5, 5, Carriage.INLINE)


@pytest.fixture
def ends():
    here, there = socket.socketpair()
    here.settimeout(5)
    there.settimeout(5)
    with here, there:
        yield here, there


@pytest.fixture
def file(tmp_path):
    descriptor = os.open(tmp_path / "body", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def send(connection, head, body=b"", descriptor=None):
    data = pack_head(head) + body
    if descriptor is None:
        connection.sendall(data)
    else:
        socket.send_fds(connection, [data], [descriptor])


def body_of(job):
    with job.body() as body:
        return bytes(body), type(body)


@pytest.mark.parametrize("size", [0, 1, 5, 60 * KIB, 100 * KIB], ids=str)
def test_an_inline_body(ends, size):
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    send(ends[0], replace(HEAD, size_bytes=size), body)
    job = receive_job(ends[1])
    assert job.head == replace(HEAD, size_bytes=size)
    assert body_of(job) == (body, bytes)
    job.close()


def test_a_job_may_come_in_pieces(ends):
    data = pack_head(HEAD) + b"hello"
    ends[0].sendall(data[:3])
    first = ends[0].send
    pieces = iter([data[3:10], data[10:-2], data[-2:]])

    class Piecewise:
        def recv(self, size):
            piece = next(pieces, None)
            if piece is not None:
                first(piece)
            return ends[1].recv(size)

        def recvmsg(self, *arguments):
            return ends[1].recvmsg(*arguments)

    assert body_of(receive_job(Piecewise())) == (b"hello", bytes)


@pytest.mark.parametrize("size", [0, 1, 4096, 300 * KIB], ids=str)
def test_a_body_by_descriptor_is_mapped_from_its_start_and_its_offset_left_alone(ends, file, size):
    os.write(file, b"z" * size + b"more")
    os.lseek(file, 2, os.SEEK_SET)
    before = open_files()
    send(ends[0], replace(HEAD, size_bytes=size, carriage=Carriage.DESCRIPTOR), descriptor=file)
    job = receive_job(ends[1])
    assert body_of(job) == (b"z" * size, memoryview if size else bytes)
    job.close()
    assert os.lseek(file, 0, os.SEEK_CUR) == 2
    assert open_files() == before


def test_a_mapped_body_cannot_be_written_and_is_gone_afterwards(ends, file):
    os.write(file, b"hello")
    send(ends[0], replace(HEAD, carriage=Carriage.DESCRIPTOR), descriptor=file)
    job = receive_job(ends[1])
    with job.body() as body, pytest.raises(TypeError):
        body[0] = 0
    with pytest.raises(ValueError):
        body[0]
    job.close()


def test_a_slice_that_is_kept_does_not_hurt(ends, file):
    os.write(file, b"hello")
    send(ends[0], replace(HEAD, carriage=Carriage.DESCRIPTOR), descriptor=file)
    job = receive_job(ends[1])
    with job.body() as body:
        kept = body[1:]
    assert bytes(kept) == b"ello"
    job.close()


def test_a_body_that_cannot_be_mapped_raises(ends, file):
    os.write(file, b"hello")
    send(ends[0], replace(HEAD, carriage=Carriage.DESCRIPTOR), descriptor=file)
    job = receive_job(ends[1])
    os.ftruncate(file, 0)
    with pytest.raises((OSError, ValueError)), job.body():
        pass
    job.close()


GOOD = pack_head(HEAD)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(LENGTH.pack(4 * KIB * KIB + 1), "head too large", id="head one byte too large"),
        pytest.param(LENGTH.pack(2) + b"{}", "JobHead: the keys are not its fields", id="no head"),
        pytest.param(LENGTH.pack(0), "JobHead: not JSON", id="empty head"),
        pytest.param(pack_head(replace(HEAD, size_bytes=-1)), "out of range", id="negative size"),
        pytest.param(pack_head(replace(HEAD, timeout_s=0.0)), "out of range", id="no time"),
        pytest.param(pack_head(replace(HEAD, timeout_s=-1.0)), "out of range", id="negative time"),
        pytest.param(
            pack_head(replace(HEAD, size_bytes=256 * KIB + 1)), "inline body too large", id="inline too large"
        ),
        pytest.param(GOOD + b"hello!", "bytes after the job", id="body longer than said"),
        pytest.param(
            pack_head(replace(HEAD, carriage=Carriage.DESCRIPTOR)), "differ", id="descriptor announced, none came"
        ),
    ],
)
def test_what_is_no_job_is_refused(ends, data, says):
    ends[0].sendall(data)
    with pytest.raises(JobError, match=says):
        receive_job(ends[1])


@pytest.mark.parametrize("cut", [0, 1, 4, 5, len(GOOD) - 1, len(GOOD), len(GOOD) + 4], ids=str)
def test_a_client_that_goes_in_the_middle(ends, cut):
    ends[0].sendall((GOOD + b"hello")[:cut])
    ends[0].close()
    with pytest.raises(ConnectionResetError):
        receive_job(ends[1])


@pytest.mark.parametrize(
    ("head", "opened", "says"),
    [
        pytest.param(replace(HEAD, size_bytes=0), os.devnull, "differ", id="inline announced, descriptor came"),
        pytest.param(
            replace(HEAD, carriage=Carriage.DESCRIPTOR), os.devnull, "not a file of that length", id="a device"
        ),
        pytest.param(replace(HEAD, carriage=Carriage.DESCRIPTOR), "/", "not a file of that length", id="a folder"),
        pytest.param(
            replace(HEAD, carriage=Carriage.DESCRIPTOR), None, "not a file of that length", id="a file too short"
        ),
    ],
)
def test_a_wrong_descriptor_is_refused_and_closed(ends, file, head, opened, says):
    given = file if opened is None else os.open(opened, os.O_RDONLY)
    before = open_files()
    send(ends[0], head, descriptor=given)
    with pytest.raises(JobError, match=says):
        receive_job(ends[1])
    assert open_files() == before
    if opened is not None:
        os.close(given)


def test_more_descriptors_than_one_are_not_kept(ends, file):
    os.write(file, b"hello")
    before = open_files()
    head = pack_head(replace(HEAD, carriage=Carriage.DESCRIPTOR))
    socket.send_fds(ends[0], [head], [file, file, file])
    job = receive_job(ends[1])
    job.close()
    assert open_files() == before
