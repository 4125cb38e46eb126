import pytest

from gateway.destinations.cases import check_catalogue, differences, run_case
from gateway.destinations.catalogue import Catalogue
from gateway.destinations.entries import CaseEntry, ServiceEntry
from gateway.errors import ConfigError
from gateway.settings import PACKAGE_DIR

param = pytest.param
DATA = PACKAGE_DIR / "destinations" / "data"

ONE = """id: a
name: {zh: 甲, en: A}
category: messaging
jurisdiction: CN
account: both
hosts: [a.example]
tenant: host:0
endpoints:
  - {id: up, kind: file, evidence: memory, path: /up, conversation: query:to}
  - {id: ws, kind: part, evidence: memory, path: /ws, method: WS}
cases:
  - {request: POST https://a.example/up?to=7, endpoint: up, kind: file, tenant: a, conversation: "7"}
  - {request: WS wss://a.example/ws, endpoint: ws, kind: part, tenant: a}
  - {request: GET http://a.example/, endpoint: "", tenant: a}
"""


def problems(*paths):
    with pytest.raises(ConfigError) as caught:
        check_catalogue(paths)
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="a.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
        return name

    return write


def test_the_shipped_catalogue_comes_out_as_its_cases_say():
    assert check_catalogue([DATA]) >= 400


def test_the_example_of_the_guide(write):
    guide = (PACKAGE_DIR.parent / "docs" / "catalogue.md").read_text("utf-8")
    write(guide.partition("```yaml\n")[2].partition("```")[0])

    assert check_catalogue(["a.yaml"]) == 2


def test_a_shipped_file_is_named_after_its_service():
    for path in DATA.iterdir():
        assert f"\nid: {path.stem}\n" in "\n" + path.read_text("utf-8"), path.name


def test_right(write):
    assert check_catalogue([write(ONE)]) == 3


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        param("kind: file, tenant", "kind: part, tenant", ["cases.0: kind is 'file', the case says 'part'"], id="kind"),
        param('"7"}', '"8"}', ["cases.0: conversation is '7', the case says '8'"], id="conversation"),
        param("tenant: a, conv", "tenant: b, conv", ["cases.0: tenant is 'a', the case says 'b'"], id="tenant"),
        param(
            "a.example/up?to",
            "b.example/up?to",
            ["cases.0: service is '', the case says 'a'"],
            id="service",
        ),
    ],
)
def test_wrong(write, old, new, expected):
    assert problems(write(ONE.replace(old, new))) == [f"a.yaml:12: {text}" for text in expected]


def test_each_endpoint_needs_a_case(write):
    text = ONE[: ONE.index("  - {request: WS")]

    assert problems(write(text)) == ["a.yaml:10: endpoints.1: no case has the endpoint ws; each endpoint needs one"]


def test_a_case_of_a_wrong_form_is_named_by_its_line(write):
    text = ONE + "  - {request: a.example, endpoint: up}\n"

    assert problems(write(text)) == [
        "a.yaml:15: cases.3.request: has a form that is not allowed here (pattern ^[A-Z]+ (https?|wss)://[^\\s/]+/\\S*$)"
    ]


def test_own_files_take_over_without_failing_the_cases_of_the_shipped_ones(write):
    write(ONE.replace("hosts: [a.example]", 'hosts: ["*.example"]'), "shipped/a.yaml")
    own = write(ONE.replace("id: a\n", "id: own\n"), "own.yaml")

    assert check_catalogue(["shipped"]) == 3
    assert check_catalogue(["shipped", own]) == 6
    assert len(problems(own, "shipped")) == 3


def test_a_later_entry_of_the_same_id_replaces_the_cases_too(write):
    write(ONE, "d/1.yaml")
    write(ONE.replace("/up", "/up2"), "d/2.yaml")

    assert check_catalogue(["d"]) == 3


FACTS = """id: a
name: {zh: 甲, en: A}
category: personal-cloud
jurisdiction: CN
account: both
hosts: [a.example]
tenant: json:org
endpoints:
  - id: up
    kind: init
    evidence: memory
    path: /up
    name: field:name
    size: header:x-size
    hash: [json:md5, "json:parts[].md5"]
    conversation: [query:to, digest:json:to, 'header:x-arg>json:to']
    split:
      step: init
      key: [url, query:id, json:id]
      gives: [json:id, header:x-id]
      gives_url: ["json:urls[]"]
cases:
  - request: POST https://a.example/up?id=9
    headers: {content-type: application/json, x-size: "9", x-arg: '{"to": "b"}'}
    body: '{"org": "acme", "md5": "m", "parts": [{"md5": "n"}], "id": 7}'
    response:
      headers: {x-id: "8"}
      body: '{"id": 7, "urls": ["https://b.example/1"]}'
    endpoint: up
    kind: init
    tenant: acme
    conversation: b
    size: 9
    hash: [m, n]
    key: ["9"]
    gives: ["7", "8"]
    gives_url: https://b.example/1
"""


def test_every_fact(write):
    assert check_catalogue([write(FACTS)]) == 1


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        param("tenant: acme", "", "tenant is 'acme', the case says ''", id="tenant"),
        param("    size: 9\n", "", "size is 9, the case says None", id="size"),
        param("hash: [m, n]", "hash: m", "hash is ['m', 'n'], the case says ['m']", id="hash"),
        param("up?id=9", "up", "key is ['7'], the case says ['9']", id="key"),
        param('gives: ["7", "8"]', "gives: []", "gives is ['7', '8'], the case says []", id="gives"),
        param("gives_url: h", "gives_url: x", "gives_url is ['https://b.example/1'], the case says", id="gives_url"),
        param('x-size: "9"', 'x-size: "x"', "size is None, the case says 9", id="size that is none"),
        param("conversation: b", "conversation: c", "conversation is 'b', the case says 'c'", id="conversation"),
        param("headers: {x-id", "headers: {x-other", "gives is ['7'], the case says ['7', '8']", id="no header"),
        param('"md5": "m",', '"md5": "m", "md5": "o",', "request or response cannot be read: ", id="key twice"),
        param("body: '{\"id", "body: '{id", "request or response cannot be read: ", id="no JSON"),
    ],
)
def test_wrong_fact(write, old, new, expected):
    (problem,) = problems(write(FACTS.replace(old, new)))

    assert problem.startswith(f"a.yaml:23: cases.0: {expected}")


def test_a_secret_is_told_by_its_digest(write):
    text = FACTS.replace(', x-arg: \'{"to": "b"}\'', "").replace('"id": 7}', '"id": 7, "to": "abc"}', 1)

    (problem,) = problems(write(text))

    assert problem == (
        "a.yaml:23: cases.0: conversation is 'sha256:ba7816bf8f01cfea414140de5dae2223', the case says 'b'"
    )


def test_a_field_of_a_form(write):
    body = "'--b\\r\\nContent-Disposition: form-data; name=\\\"name\\\"\\r\\n\\r\\na.txt\\r\\n--b--\\r\\n'"
    case = (
        "  - request: POST https://a.example/up?to=7\n"
        "    headers: {content-type: multipart/form-data; boundary=b}\n"
        f"    body: {body.replace(chr(39), chr(34))}\n"
        "    endpoint: up\n    kind: init\n    name: a.txt\n    conversation: '7'\n"
    )

    assert check_catalogue([write(FACTS + case)]) == 2


def test_match_and_differences():
    catalogue = Catalogue([])
    case = CaseEntry(request="POST https://a.example/up", endpoint="")

    assert differences(case, "", run_case(catalogue, case)) == []
    assert differences(case, "a", run_case(catalogue, case)) == ["service is '', the case says 'a'"]
    assert ServiceEntry.model_fields.keys() & {"cases"} == set()
