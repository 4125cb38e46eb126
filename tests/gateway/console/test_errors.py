import json

import pytest
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request

from gateway.console.errors import (
    NO_INCIDENT,
    AnswerError,
    Wrong,
    is_for_programs,
    no_parameters,
    once,
    to_problem,
    wrong_parameters,
)
from gateway.console.language import Words


def _request(path="/api/v1/incidents", query=""):
    return Request({"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []})


@pytest.mark.parametrize(
    ("path", "expected"), [("/api/v1/incidents", True), ("/api/x", True), ("/", False), ("/incidents/api/", False)]
)
def test_programs_are_told_by_the_address(path, expected):
    assert is_for_programs(_request(path)) is expected


@pytest.mark.parametrize(
    ("path", "names"),
    [
        pytest.param(
            "/api/v1/incidents",
            "text, action, state, user, service, region, rule, signature, since, until, before_id, limit",
            id="API",
        ),
        pytest.param(
            "/", "text, action, state, user, service, region, rule, signature, since, until, before_id, lang", id="list"
        ),
        pytest.param("/incidents/x", "lang", id="incident"),
    ],
)
def test_an_unknown_parameter_is_told_with_those_there_are(path, names):
    error = wrong_parameters(_request(path), RequestValidationError([{"loc": ("query", "acton"), "type": "x"}]))
    assert (error.status, error.wrong) == (422, (Wrong("acton", "error.unknown-parameter", names),))


def test_every_wrong_parameter_is_told_once():
    problems = [{"loc": ("query", name)} for name in ("action", "action", "x", "region")] + [{"loc": ("query",)}]
    error = wrong_parameters(_request(), RequestValidationError(problems))
    assert [(one.name, one.key) for one in error.wrong] == [
        ("action", "error.parameter"),
        ("x", "error.unknown-parameter"),
        ("region", "error.parameter"),
        ("", "error.unknown-parameter"),
    ]


def test_a_thousand_wrong_parameters_are_told_in_part():
    problems = [{"loc": ("query", f"x{number}")} for number in range(1000)]
    assert len(wrong_parameters(_request(), RequestValidationError(problems)).wrong) == 20


@pytest.mark.parametrize(
    ("query", "twice"),
    [
        pytest.param("action=block&user=a", [], id="each once"),
        pytest.param("action=block&action=hold", ["action"], id="two values"),
        pytest.param("user=a&user=a&limit=1&limit=2", ["user", "limit"], id="two parameters"),
        pytest.param("nonsense=1&nonsense=2", [], id="unknown ones are told elsewhere"),
    ],
)
def test_once(query, twice):
    if not twice:
        once(_request(query=query))
        return
    with pytest.raises(AnswerError) as caught:
        once(_request(query=query))
    assert caught.value.status == 400
    assert [(one.name, one.key) for one in caught.value.wrong] == [(name, "error.twice") for name in twice]


def test_no_parameters():
    no_parameters(_request())
    with pytest.raises(AnswerError) as caught:
        no_parameters(_request(query="a=1&a=2&b="))
    assert caught.value.status == 422
    assert caught.value.wrong[1].told(Words("en")).detail == "There is no parameter b. Allowed: —."


def test_a_problem_names_what_is_wrong_and_what_is_allowed():
    error = AnswerError(422, "error.parameters", "error.parameters", [Wrong("action", "error.parameter")])
    answer = to_problem(_request(), error)
    assert (answer.status_code, answer.media_type) == (422, "application/problem+json")
    assert json.loads(answer.body) == {
        "type": "about:blank",
        "title": "The address has wrong parameters",
        "status": 422,
        "detail": "The value of action cannot be used. Allowed: block, hold.",
        "instance": "/api/v1/incidents",
        "errors": [
            {
                "parameter": "action",
                "detail": "The value of action cannot be used. Allowed: block, hold.",
                "allowed": "block, hold",
            }
        ],
    }


def test_a_problem_without_parameters():
    problem = json.loads(to_problem(_request("/api/v1/incidents/x"), NO_INCIDENT).body)
    assert (problem["status"], problem["title"], problem["errors"]) == (404, "There is no such incident", [])
    assert problem["detail"] == "The id is mistyped, or the transfer was neither blocked nor held."


def test_sentences_in_chinese():
    assert Wrong("action", "error.twice").told(Words("zh")).detail == "参数 action 出现了不止一次，只能出现一次。"
    assert Wrong("a\u202eb", "error.unknown-parameter", "lang").told(Words("zh")).detail == (
        "没有参数 a⟨U+202E⟩b。可用的参数：lang。"
    )
