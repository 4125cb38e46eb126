import pytest
from pydantic import ValidationError

from gateway.console.models import PROBLEMS, Incident, Problem
from tests.samples.incidents import RECORDS


@pytest.mark.parametrize("record", RECORDS, ids=[record["id"][-2:] for record in RECORDS])
def test_a_record_comes_out_as_it_went_in(record):
    added = {"outcome", "incident", "journal", "parts_omitted"}
    assert Incident.model_validate(record).model_dump(exclude=added) == record


def test_what_a_newer_version_adds_is_passed_on():
    shown = Incident.model_validate({"id": "x", "colour": "red", "parts": [{"path": "a", "pages": 3}]}).model_dump()
    assert (shown["colour"], shown["parts"][0]["pages"]) == ("red", 3)


def test_what_an_older_version_lacks_is_empty():
    shown = Incident.model_validate({"id": "x"})
    assert (shown.actor.user, shown.verdict.rules, shown.incident.state, shown.journal.file) == ("", [], "open", "")


@pytest.mark.parametrize(
    "record",
    [
        pytest.param({}, id="no id"),
        pytest.param({"id": 7}, id="id is no text"),
        pytest.param({"id": "x", "parts": {}}, id="parts are no list"),
        pytest.param({"id": "x", "request": {"bytes": "many"}}, id="size is no number"),
        pytest.param({"id": "x", "verdict": {"rules": [{"basis": "S001"}]}}, id="basis is no list"),
    ],
)
def test_what_is_no_record(record):
    with pytest.raises(ValidationError):
        Incident.model_validate(record)


def test_every_error_of_the_api_is_a_problem():
    assert [answer["model"] for answer in PROBLEMS.values()] == [Problem] * 6
