"""Cases of shipped signatures as parameters of a test."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.detect.signatures import FindCase
from tests.samples.documents import shipped


def cases_of(*names: str) -> list[Any]:
    """(signature name, text, distinct values expected) for every case of these signatures; 0 for a case to ignore."""
    params = []
    for name in names:
        cases = shipped()[name].cases
        find = [FindCase(text=case) if isinstance(case, str) else case for case in cases.find]
        for index, case in enumerate(find):
            params.append(pytest.param(name, case.text, case.count, id=f"{name}-find-{index}"))
        for index, text in enumerate(cases.ignore):
            params.append(pytest.param(name, text, 0, id=f"{name}-ignore-{index}"))
    return params
