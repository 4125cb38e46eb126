import pytest

from gateway.destinations.cases import check_catalogue, differences, match_case
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
    assert check_catalogue([DATA]) >= 330


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
        "a.yaml:15: cases.3.request: String should match pattern '^[A-Z]+ (https?|wss)://[^\\s/]+/\\S*$'"
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


def test_match_and_differences():
    catalogue = Catalogue([])
    case = CaseEntry(request="POST https://a.example/up", endpoint="")

    assert differences(case, "", match_case(catalogue, case)) == []
    assert differences(case, "a", match_case(catalogue, case)) == ["service is '', the case says 'a'"]
    assert ServiceEntry.model_fields.keys() & {"cases"} == set()
