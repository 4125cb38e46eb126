import pytest

from addons.announced import MAX_ANSWER_BYTES, Announced, json_of
from metrics import catalogue as metrics


def through(answer: Announced, *chunks: bytes) -> list[bytes]:
    return [out for chunk in (*chunks, b"") for out in answer(chunk)]


def test_nothing_goes_on_before_the_end():
    noted = []
    answer = Announced(noted.append)

    assert answer(b'{"id":') == []
    assert answer(b"7}") == []
    assert noted == []
    assert answer(b"") == [b'{"id":7}']
    assert noted == [{"id": 7}]


def test_the_head_is_noted_by_itself():
    noted = []
    Announced(noted.append).head()

    assert noted == [None]


def test_an_answer_without_body_is_noted_too():
    noted = []

    assert through(Announced(noted.append)) == []
    assert noted == [None]


def test_a_long_answer_is_passed_on_unread():
    noted = []
    answer = Announced(noted.append)
    long = b"x" * MAX_ANSWER_BYTES

    assert b"".join(through(answer, long, b"y", b"z")) == long + b"yz"
    assert noted == [None]


def test_a_fault_leaves_the_client_its_answer_and_is_counted():
    def fails(_body: object) -> None:
        raise OSError("disk")

    before = metrics.FAILURES.labels(part="uploads")._value.get()

    assert through(Announced(fails), b"{}") == [b"{}"]
    assert metrics.FAILURES.labels(part="uploads")._value.get() == before + 1


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json(data):
    assert json_of(data) is None
