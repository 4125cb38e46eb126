import uuid

import pytest

from gateway.records.ids import new_id, uuid7


@pytest.mark.parametrize(
    ("now_ms", "random", "expected"),
    [
        pytest.param(
            1645557742000, "0cc318c4dc0c0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", id="example of RFC 9562"
        ),
        pytest.param(0, "00" * 10, "00000000-0000-7000-8000-000000000000", id="all zero"),
        pytest.param((1 << 48) - 1, "ff" * 10, "ffffffff-ffff-7fff-bfff-ffffffffffff", id="all ones"),
    ],
)
def test_uuid7(now_ms, random, expected):
    assert uuid7(now_ms, bytes.fromhex(random)) == expected
    parsed = uuid.UUID(expected)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)


@pytest.mark.parametrize(
    ("now_ms", "random"),
    [
        pytest.param(-1, bytes(10), id="before 1970"),
        pytest.param(1 << 48, bytes(10), id="too late"),
        pytest.param(0, bytes(9), id="too few random bytes"),
        pytest.param(0, bytes(11), id="too many random bytes"),
    ],
)
def test_uuid7_refuses(now_ms, random):
    with pytest.raises(ValueError, match="out of range"):
        uuid7(now_ms, random)


def test_ids_are_distinct_and_their_time_never_falls():
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    times = [identity[:13] for identity in ids]
    assert times == sorted(times)
    assert {uuid.UUID(identity).version for identity in ids} == {7}
