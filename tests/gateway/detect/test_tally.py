import pytest

from gateway.detect import tally as module
from gateway.detect.tally import Tally


def test_values_count_once_per_signature():
    tally = Tally(b"key")
    tally.add_values("b.x", ["1", "2"])
    tally.add_values("b.x", ["2", "3"])
    tally.add_values("a.x", ["1"])
    assert dict(tally.distinct) == {"a.x": 1, "b.x": 3}
    assert list(tally.distinct) == ["a.x", "b.x"]


@pytest.mark.parametrize(
    ("rows", "persons"),
    [
        pytest.param([], 0, id="nobody"),
        pytest.param([["id:1"], ["id:1"], ["id:2"]], 2, id="each once"),
        pytest.param([["id:1", "tel:1", "mail:1", "name:x"]], 1, id="all of one person"),
        pytest.param([["tel:1", "id:1"]], 1, id="order in the row means nothing"),
        pytest.param([["id:1", "tel:1"], ["tel:1"]], 1, id="number known as another's"),
        pytest.param([["tel:1"], ["id:1", "tel:1"]], 1, id="number known later"),
        pytest.param([["id:1", "tel:1", "tel:2"]], 2, id="more numbers than owners"),
        pytest.param([["id:1", "id:2", "tel:1", "tel:2"]], 2, id="two persons in a row"),
        pytest.param([["id:1", "tel:9"], ["id:2", "tel:9"]], 2, id="a number all rows share"),
        pytest.param([["tel:1", "tel:1"]], 1, id="repeated in a row"),
        pytest.param([["other:1", "name:x"]], 1, id="unknown kind comes last"),
    ],
)
def test_persons(rows, persons):
    tally = Tally(b"key")
    tally.add_rows(rows)
    assert tally.persons == persons


def test_counts_stop_at_their_bound(monkeypatch):
    monkeypatch.setattr(module, "MAX_VALUES", 2)
    tally = Tally(b"key")
    tally.add_values("x", ["1", "2", "3"])
    tally.add_rows([["id:1"], ["id:2"], ["id:3"], ["id:1"]])
    assert dict(tally.distinct) == {"x": 2}
    assert tally.persons == 2


def test_no_value_is_kept():
    tally = Tally(b"key")
    tally.add_values("x", ["13800138000"])
    tally.add_rows([["tel:13800138000"]])
    assert "13800138000" not in repr(vars(tally))
    assert vars(tally)["_values"]["x"] != vars_of_other_key()


def vars_of_other_key():
    other = Tally(b"other")
    other.add_values("x", ["13800138000"])
    return vars(other)["_values"]["x"]


def test_half_surrogates_are_counted():
    tally = Tally(b"key")
    tally.add_values("x", ["\ud800"])
    assert dict(tally.distinct) == {"x": 1}
