"""The file as a whole, its cases, and the guide that explains every key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

from gateway.policy.schema_file import CaseEntry, CaseFound, PolicyFile

GUIDE = Path(__file__).parents[3] / "docs" / "policy.md"


def models_of(annotation, seen):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in seen:
        seen.add(annotation)
        for field in annotation.model_fields.values():
            models_of(field.annotation, seen)
    for argument in (*get_args(annotation), *get_args(getattr(annotation, "__value__", None))):
        models_of(argument, seen)
    return seen


def test_the_guide_explains_every_key():
    guide = GUIDE.read_text(encoding="utf-8")
    keys = {field.alias or name for model in models_of(PolicyFile, set()) for name, field in model.model_fields.items()}
    assert {"when", "over_mb", "except_signature", "too-large", "all", "not", "up_to_mb"} < keys
    assert [key for key in sorted(keys) if f"`{key}`" not in guide] == []


def test_the_guide_names_no_key_of_a_table_that_does_not_exist():
    rows = re.findall(r"^\| `([a-z_-]+)` \|", GUIDE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    keys = {field.alias or name for model in models_of(PolicyFile, set()) for name, field in model.model_fields.items()}
    assert rows
    assert set(rows) - keys == set()


def test_a_policy_may_be_empty_but_for_its_version():
    file = PolicyFile.model_validate({"version": 1})
    assert (file.rules, file.exceptions, file.authorised, file.sensitive, file.cases) == ((), (), (), (), ())


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({}, id="no version"),
        pytest.param({"version": 2}, id="another version"),
        pytest.param({"version": 1, "rule": []}, id="unknown section"),
        pytest.param({"version": 1, "rules": {"id": "x"}}, id="a block for a list"),
        pytest.param({"version": 1, "settings": {"size_unit": "KB"}}, id="another unit"),
        pytest.param({"version": 1, "routes": {"big": "javascript:alert(1)"}}, id="a route that is no link"),
        pytest.param({"version": 1, "routes": {"big": "https://a.example/ b"}}, id="a link with a blank"),
        pytest.param({"version": 1, "names": {"x.y": {"zh": "某"}}}, id="a name in one language"),
        pytest.param({"version": 1, "failures": {"crash": "allow"}}, id="a failure that lets through"),
    ],
)
def test_refused(value):
    with pytest.raises(ValidationError):
        PolicyFile.model_validate(value)


@pytest.mark.parametrize("url", ["", "https://drive.example/up?x=1", "http://a.example", "sftp://files.example"])
def test_routes(url):
    assert PolicyFile.model_validate({"version": 1, "routes": {"big": url}}).routes == {"big": url}


def test_a_case_in_short():
    case = CaseEntry.model_validate(
        {"name": "n", "parts": {"mb": 5, "found": {"cn.mobile": 3}}, "action": "log", "rules": []}
    )
    (part,) = case.parts
    assert (part.mb, part.file, part.found) == (5, True, {"cn.mobile": CaseFound(count=3)})
    assert (case.today, case.body, case.to.host, case.by.user) == (None, True, "upload.example", "")


@pytest.mark.parametrize(
    "part",
    [
        pytest.param({"found": {"cn.mobile": 0}}, id="found nothing"),
        pytest.param({"found": {"CN": 1}}, id="no signature"),
        pytest.param({"bytes": -1}, id="less than nothing"),
        pytest.param({"reason": "tired"}, id="unknown reason"),
        pytest.param({"size": 1}, id="unknown key"),
        pytest.param({"file": "yes"}, id="text for a boolean"),
    ],
)
def test_a_case_that_says_nonsense(part):
    with pytest.raises(ValidationError):
        CaseEntry.model_validate({"name": "n", "parts": part, "action": "log", "rules": []})
