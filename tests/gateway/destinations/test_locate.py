import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.destinations.catalogue import head_of
from gateway.destinations.locate import Locator, bearer_claim, first_in_head, head_places
from gateway.destinations.match import Head

param = pytest.param


def token(claims):
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"Bearer e30.{body}.c2ln"


HEAD = Head(
    host="team.files.example",
    port=443,
    methods=frozenset({"POST"}),
    path="/api/repos/acme/plans.git/contents/dir%2Fa.txt",
    plain_path="/api/repos/acme/plans.git/contents/dir/a.txt",
    query="key=abc&chat%5Fid=%E6%96%87+1&empty=&twice=a&twi%63e=b&same=a&same=a&half=&half=b",
    headers={
        "x-team": "T1",
        "authorization": token({"tid": "tenant-1", "n": 1}),
        "x-long": "x" * 129,
        "x-lines": "a\nb",
    },
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        param("path:0", "api", id="first segment"),
        param("path:-1", "dir/a.txt", id="last segment, decoded by itself"),
        param("path:9", "", id="segment that is not there"),
        param("path:-9", "", id="segment before the first"),
        param("path:2:4", "acme/plans", id="slice, without .git"),
        param("path:2:", "acme/plans/contents/dir/a.txt", id="slice to the end"),
        param("path:0:-1", "api/repos/acme/plans/contents", id="all but the last"),
        param("path:8:9", "", id="empty slice"),
        param("after:repos", "acme", id="after a segment"),
        param("after:missing", "", id="after a segment that is not there"),
        param("query:key", "abc", id="query value"),
        param("query:same", "a", id="query value said again"),
        param("query:twice", "", id="two query values"),
        param("query:half", "", id="an empty query value and another"),
        param("query:chat_id", "文 1", id="decoded query value"),
        param("query:empty", "", id="empty query value"),
        param("query:none", "", id="no query value"),
        param("header:x-team", "T1", id="header"),
        param("header:x-none", "", id="no header"),
        param("host:0", "team", id="label"),
        param("host:5", "", id="no label"),
        param("jwt:tid", "tenant-1", id="claim"),
        param("jwt:n", "", id="claim that is no text"),
        param("digest:query:key", "sha256:ba7816bf8f01cfea414140de5dae2223", id="digest"),
        param("digest:query:none", "", id="digest of nothing"),
        param("digest:path:0", "sha256:14c2529eb4498c5d1ffd6915d05bf58a", id="digest of a segment"),
        param("header:x-long", "sha256:0ec9eb33e74510bcdd1f2ea55206e82f", id="digest of what is too long"),
        param("header:x-lines", "sha256:7e18f737311b2dc3b2f269dd78396b03", id="digest of what is not printable"),
    ],
)
def test_find(text, expected):
    assert Locator.parse(text).find(HEAD) == expected


@pytest.mark.parametrize(
    "text",
    ["", "path", "path:", "path:x", "path:100", "path:1:2:3", "host:-1", "host:10", "query:", "query:a b", "after:a/b",
     "body:x", "digest:", "digest:digest:host:0", "jwt:" + "a" * 65, "path:1\n"],
)  # fmt: skip
def test_no_locator(text):
    with pytest.raises(ValueError, match="not a locator; allowed: path:N"):
        Locator.parse(text)


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        param(token({"tid": "t"}), "t", id="claim"),
        param(token({"tid": "t"}).replace("Bearer", "bearer"), "t", id="scheme in lower case"),
        param(token({"tid": ["t"]}), "", id="claim that is no text"),
        param(token({}), "", id="no claim"),
        param(token(["tid"]), "", id="claims that are no mapping"),
        param("", "", id="nothing"),
        param("Bearer", "", id="no token"),
        param("Bearer opaque-token", "", id="opaque token"),
        param("Basic " + token({"tid": "t"})[7:], "", id="other scheme"),
        param("Bearer a.!!!.c", "", id="no base64"),
        param("Bearer a.A.c", "", id="cut base64"),
        param("Bearer a.eyJ0.c", "", id="no JSON"),
        param("Bearer a./w==.c", "", id="no UTF-8"),
        param("Bearer a.é.c", "", id="no ASCII"),
        param("Bearer a." + base64.b64encode(b"[" * 10_000).decode() + ".c", "", id="nested too deep"),
        param("Bearer a." + "A" * 20_000 + ".c", "", id="too long"),
    ],
)
def test_claims(authorization, expected):
    assert bearer_claim(authorization, "tid") == expected


@given(st.text(), st.text(), st.text())
def test_hostile_heads_raise_nothing_and_give_short_printable_names(path, query, value):
    head = Head(
        "a.example", 443, frozenset({"POST"}), path, path, query, {"x": value, "authorization": "Bearer " + value}
    )

    for text in ("path:0", "path:1:", "after:a", "query:a", "header:x", "host:0", "jwt:tid", "digest:path:0"):
        found = Locator.parse(text).find(head)
        assert len(found) <= 128
        assert found.isprintable()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        param(["query:to"], "a", id="first"),
        param(["query:none", "header:x-arg>json:to"], "b", id="JSON in a header"),
        param(["json:to", "field:to"], "", id="body"),
        param(["header:x-bad>json:to", "query:to"], "a", id="no JSON"),
        param(["header:x-deep>json:to"], "", id="deep JSON"),
        param(["header:x-arg>json:none"], "", id="nothing in the JSON"),
        param(["digest:header:x-arg>json:secret"], "sha256:ba7816bf8f01cfea414140de5dae2223", id="secret"),
        param(["header:x-arg>json:long"], "sha256:0ec9eb33e74510bcdd1f2ea55206e82f", id="long"),
        param([], "", id="none"),
    ],
)
def test_first_in_head(texts, expected):
    headers = {
        "x-arg": json.dumps({"to": "b", "secret": "abc", "long": "x" * 129}),
        "x-bad": "{",
        "x-deep": "[" * 100_000,
    }
    head = head_of("a.example", 443, "POST", "/", "to=a", headers)

    assert first_in_head(head_places(texts), head) == expected


def test_head_places_refuse_what_is_no_place():
    with pytest.raises(ValueError, match="not a place"):
        head_places(["body"])
