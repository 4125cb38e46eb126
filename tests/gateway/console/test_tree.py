import pytest

from gateway.console.models import Part
from gateway.console.tree import tree


def _drawn(*paths):
    return [(node.level, node.label) for node in tree([Part(path=path, name="n") for path in paths])]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param(["a.txt", "b.txt"], [(0, "a.txt"), (0, "b.txt")], id="two files"),
        pytest.param(
            ["a.zip", "a.zip!/b.zip", "a.zip!/b.zip!/d/c.txt", "a.zip!/e", "f"],
            [(0, "a.zip"), (1, "b.zip"), (2, "d/c.txt"), (1, "e"), (0, "f")],
            id="nested archives",
        ),
        pytest.param(["a.zip!/b", "a.zip"], [(0, "a.zip"), (1, "b")], id="a member listed before its container"),
        pytest.param(["a.zip!/b!/c"], [(0, "a.zip!/b!/c")], id="a container that is not listed"),
        pytest.param(["a.zip", "a.zip!/b!/c"], [(0, "a.zip"), (1, "b!/c")], id="one in between is not listed"),
        pytest.param(
            ["a", "a!/x", "a", "a!/y"], [(0, "a"), (1, "x"), (0, "a"), (1, "y")], id="two containers of one name"
        ),
        pytest.param(["", ""], [(0, "n"), (0, "n")], id="paths not kept"),
        pytest.param(["!/", "!/!/"], [(0, "!/"), (1, "")], id="joints alone"),
        pytest.param(
            ["a!/" * n + "a" for n in range(20)], [(min(n, 12), "a") for n in range(20)], id="too deep to draw"
        ),
    ],
)
def test_tree(paths, expected):
    drawn = _drawn(*paths)
    assert [(level, label or "") for level, label in drawn] == [(level, label or "n") for level, label in expected]


def test_lists_open_and_close_in_pairs():
    paths = ["a", "a!/b", "a!/b!/c", "d", "d!/e", "f"]
    nodes = tree([Part(path=path) for path in paths])
    assert [(node.opens, node.closes) for node in nodes] == [
        (True, 0),
        (True, 0),
        (True, 2),
        (False, 0),
        (True, 1),
        (False, 1),
    ]


def test_every_part_once_and_in_no_time_whatever_the_paths():
    paths = ["!/".join("x" * (n % 7 + 1)) * (n % 5) for n in range(1000)] + ["!/" * 100_000]
    nodes = tree([Part(path=path, name=str(n)) for n, path in enumerate(paths)])
    assert sorted(int(node.part.name) for node in nodes) == list(range(1001))
    assert sum(node.opens for node in nodes) == sum(node.closes for node in nodes)
