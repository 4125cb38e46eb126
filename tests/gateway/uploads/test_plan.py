import pytest

from gateway.destinations.hosts import normal_host
from gateway.destinations.match import Head
from gateway.destinations.split import Split
from gateway.errors import MalformedError
from gateway.uploads.plan import BY_RANGE, BY_URL, MAX_KEYS, Facts, Plan, keys_in_response, keys_of_url


def head(path: str = "/up/1", query: str = "", **headers: str) -> Head:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Head(normal_host("Up.Example"), 443, frozenset({"PUT"}), path, path, query, fields)


def plan(split: Split, at: Head | None = None) -> Plan:
    return Plan(split, at or head(), "svc")


S3 = Split(step="chunk", key=("query:uploadId",), order="index:query:partNumber", name="path:-1")
FEISHU = Split(step="chunk", key=("field:upload_id",), order="index:field:seq", content="field:file", size="field:size")
TUS = Split(step="chunk", key=("url",), order="offset:header:upload-offset", answer="tus-204")
DROPBOX = Split(
    step="finish",
    key=("header:dropbox-api-arg>json:cursor.session_id",),
    order="offset:header:dropbox-api-arg>json:cursor.offset",
    name="header:dropbox-api-arg>json:commit.path",
)
ARG = '{"cursor": {"session_id": "S1", "offset": 8}, "commit": {"path": "/a.txt"}}'


@pytest.mark.parametrize(
    ("made", "values", "facts"),
    [
        pytest.param(
            plan(S3, head("/bucket/a.zip", "partNumber=2&uploadId=U1")),
            {},
            Facts(keys=("id:svc:U1",), index=2, name="a.zip"),
            id="s3",
        ),
        pytest.param(
            plan(FEISHU),
            {"field:upload_id": ("U2",), "field:seq": ("0",), "field:size": ("4096",)},
            Facts(keys=("id:svc:U2",), index=0, total_bytes=4096),
            id="fields",
        ),
        pytest.param(plan(FEISHU), {}, Facts(), id="nothing-there"),
        pytest.param(
            plan(TUS, head(upload_offset="512")), {}, Facts(keys=("url:up.example/up/1",), start=512), id="offset"
        ),
        pytest.param(
            plan(DROPBOX, head(dropbox_api_arg=ARG)),
            {},
            Facts(keys=("id:svc:S1",), start=8, name="/a.txt"),
            id="json-in-header",
        ),
        pytest.param(
            plan(BY_RANGE, head(query="sig=1", content_range="bytes 8-15/32")),
            {},
            Facts(keys=("signed:up.example/up/1?sig=1",), start=8, length=8, total_bytes=32),
            id="range",
        ),
        pytest.param(
            plan(BY_RANGE, head(content_range="bytes 8-15/*")),
            {},
            Facts(keys=("signed:up.example/up/1?",), start=8, length=8),
            id="range-of-unknown-total",
        ),
        pytest.param(
            plan(BY_RANGE, head(content_range="bytes */32")),
            {},
            Facts(keys=("signed:up.example/up/1?",), total_bytes=32, is_question=True),
            id="question",
        ),
        pytest.param(plan(BY_RANGE), {}, Facts(keys=("signed:up.example/up/1?",)), id="no-range"),
        pytest.param(
            plan(BY_URL), {}, Facts(keys=("signed:up.example/up/1?", "url:up.example/up/1")), id="both-forms-of-the-url"
        ),
        pytest.param(
            plan(Split(step="finish", key=("json:files[].id", "json:id"))),
            {"json:files[].id": ("F1", "F2"), "json:id": ("F3",)},
            Facts(keys=("id:svc:F1", "id:svc:F2")),
            id="first-place-that-is-there",
        ),
    ],
)
def test_what_a_request_says_of_its_upload(made, values, facts):
    assert made.facts(values) == facts


@pytest.mark.parametrize(
    ("made", "values"),
    [
        pytest.param(plan(BY_RANGE, head(content_range="bytes 9-8/32")), {}, id="range-backwards"),
        pytest.param(plan(BY_RANGE, head(content_range="bytes 0-32/32")), {}, id="range-over-total"),
        pytest.param(plan(BY_RANGE, head(content_range="0-1/2")), {}, id="no-unit"),
        pytest.param(plan(BY_RANGE, head(content_range="bytes 0-1/2, bytes 2-3/4")), {}, id="two-ranges"),
        pytest.param(plan(TUS, head(upload_offset="-1")), {}, id="negative"),
        pytest.param(plan(TUS, head(upload_offset="1" * 16)), {}, id="too-long"),
        pytest.param(plan(TUS, head(upload_offset="1, 2")), {}, id="two-offsets"),
        pytest.param(plan(FEISHU), {"field:seq": ("٣",)}, id="other-digits"),
        pytest.param(plan(DROPBOX, head(dropbox_api_arg="{")), {}, id="broken-json"),
        pytest.param(plan(S3, head(query="uploadId=A&uploadId=B")), {}, id="two-ids"),
        pytest.param(plan(S3, head(query="uploadId=A&upload%49d=B")), {}, id="two-ids-one-escaped"),
        pytest.param(
            plan(Split(step="finish", key=("json:[]",))), {"json:[]": ("x",) * (MAX_KEYS + 1)}, id="too-many-uploads"
        ),
    ],
)
def test_what_has_no_one_reading_is_refused(made, values):
    with pytest.raises(MalformedError):
        made.facts(values)


def test_the_very_url_is_a_key_too():
    assert plan(S3, head(query="uploadId=A")).signed_url == "signed:up.example/up/1?uploadId=A"


def test_only_places_in_the_body_are_asked_for():
    assert plan(FEISHU).places == ("field:upload_id", "field:size", "field:seq")
    assert plan(S3).places == ()
    assert plan(BY_URL).places == ()


@pytest.mark.parametrize(
    ("split", "carries"),
    [(S3, True), (DROPBOX, True), (BY_URL, True), (Split(step="init"), False), (Split(step="finish"), False)],
)
def test_whether_the_body_holds_bytes_of_the_file(split, carries):
    assert plan(split).carries is carries


@pytest.mark.parametrize(
    ("split", "headers", "body", "keys"),
    [
        pytest.param(Split(step="init", gives=("json:data.upload_id",)), {}, {"data": {"upload_id": "U"}}, ["id:svc:U"]),
        pytest.param(Split(step="init", gives=("json:id", "header:x-id")), {"x-id": "H"}, {"id": 7}, ["id:svc:7", "id:svc:H"]),
        pytest.param(
            Split(step="init", gives_url=("header:location",)),
            {"location": "/files/9?k=1"},
            None,
            ["signed:api.example/files/9?k=1", "url:api.example/files/9"],
        ),
        pytest.param(
            Split(step="init", gives_url=("json:parts[].upload_url",)),
            {},
            {"parts": [{"upload_url": "https://b.example/1?s"}, {"upload_url": "https://b.example/2"}]},
            ["signed:b.example/1?s", "url:b.example/1", "signed:b.example/2?", "url:b.example/2"],
        ),
        pytest.param(Split(step="init", gives=("json:id",), gives_url=("header:location",)), {}, None, []),
        pytest.param(Split(step="init", gives=("query:id", "field:id")), {}, {"id": 1}, []),
    ],
)  # fmt: skip
def test_keys_that_a_response_gives(split, headers, body, keys):
    assert list(keys_in_response(split, "svc", "https://api.example/new", headers, body)) == keys


@pytest.mark.parametrize("url", ["ftp://a.example/x", "https://", "http://[::1", "mailto:a@b.example"])
def test_what_is_no_url_gives_no_key(url):
    assert keys_of_url(url, "https:") == ()
