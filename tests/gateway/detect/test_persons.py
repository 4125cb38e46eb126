import pytest

from gateway.detect.match import Match
from gateway.detect.persons import rows


def match(start, end, person):
    return Match("x", start, end, person, 1, person)


@pytest.mark.parametrize(
    ("text", "found", "expected"),
    [
        pytest.param("1,2", [(2, 3, "tel:2"), (0, 1, "id:1")], [["id:1", "tel:2"]], id="one line, any order"),
        pytest.param("1\n2", [(0, 1, "id:1"), (2, 3, "tel:2")], [["id:1"], ["tel:2"]], id="two lines"),
        pytest.param(
            "1" + " " * 300 + "2", [(0, 1, "id:1"), (301, 302, "tel:2")], [["id:1"], ["tel:2"]], id="far apart"
        ),
        pytest.param("12", [(0, 2, "id:1"), (0, 1, "tel:2")], [["id:1", "tel:2"]], id="overlapping"),
        pytest.param("1", [(0, 1, "")], [], id="no person"),
        pytest.param("", [], [], id="nothing"),
    ],
)
def test_rows(text, found, expected):
    assert rows(text, [match(*item) for item in found]) == expected
