import pytest

from gateway.wire.places import MAX_FOUND, Place, parse_place, walk


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("query:uploadId", Place(head="query:uploadId"), id="query"),
        pytest.param("path:-1", Place(head="path:-1"), id="path"),
        pytest.param("path:0:-1", Place(head="path:0:-1"), id="slice"),
        pytest.param("path:1:", Place(head="path:1:"), id="open-slice"),
        pytest.param("host:0", Place(head="host:0"), id="label"),
        pytest.param("digest:query:key", Place(head="query:key", is_secret=True), id="secret"),
        pytest.param("json:a.b", Place(steps=("a", "b")), id="json"),
        pytest.param("json:a[0].b[].c", Place(steps=("a", 0, "b", None, "c")), id="lists"),
        pytest.param("json:[].id", Place(steps=(None, "id")), id="root-list"),
        pytest.param(
            "json:@microsoft.graph.uploadUrl", Place(steps=("@microsoft", "graph", "uploadUrl")), id="at-sign"
        ),
        pytest.param("field:upload_id", Place(field="upload_id"), id="field"),
        pytest.param("field:m>json:a", Place(field="m", steps=("a",)), id="json-in-field"),
        pytest.param("header:x-arg>json:a", Place(head="header:x-arg", steps=("a",)), id="json-in-header"),
    ],
)
def test_a_place_is_read(text, place):
    assert parse_place(text) == place
    assert parse_place(text).in_body is (not place.head)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "json:",
        "json:a..b",
        "field:",
        "body",
        "path:x",
        "header:a b",
        "query:a>field:b",
        "json:a>json:b",
        "json:a[-1]",
    ],
)
def test_anything_else_is_refused_and_says_what_is_allowed(text):
    with pytest.raises(ValueError, match="allowed: path:N"):
        parse_place(text)


def test_a_path_without_end_is_refused():
    with pytest.raises(ValueError, match="13 steps; allowed: 12"):
        parse_place("json:" + ".".join("a" * 13))


@pytest.mark.parametrize(
    ("value", "steps", "found"),
    [
        pytest.param({"a": {"b": "x"}}, ("a", "b"), ["x"], id="key"),
        pytest.param({"a": ["x", "y"]}, ("a", 1), ["y"], id="index"),
        pytest.param({"a": ["x"]}, ("a", 1), [], id="index-too-far"),
        pytest.param({"a": ["x", 2, True, None]}, ("a", None), ["x", "2"], id="every"),
        pytest.param({"a": "x"}, ("b",), [], id="missing"),
        pytest.param(["x"], ("a",), [], id="list-for-object"),
        pytest.param({"a": "x"}, (None,), [], id="object-for-list"),
        pytest.param(1.5, (), ["1.5"], id="root"),
    ],
)
def test_the_values_at_a_path(value, steps, found):
    assert list(walk(value, steps)) == found


def test_values_are_bounded():
    assert len(list(walk(["x"] * (MAX_FOUND + 1), (None,)))) == MAX_FOUND
