"""What elements and attributes mean."""

import pytest

from gateway.content.xml_roles import ODF_ROLES, OOXML_ROLES, Role, is_wordy


@pytest.mark.parametrize(
    ("name", "expected"), [("descr", True), ("wp:descr", True), ("xmlns", False), ("xmlns:w", False), ("w:val", None)]
)
def test_is_wordy(name, expected):
    assert is_wordy(name) is expected


def test_paragraphs_hold_text_in_one_family_and_runs_in_the_other():
    assert (OOXML_ROLES["p"], OOXML_ROLES["t"], ODF_ROLES["p"]) == (Role.PARAGRAPH, Role.TEXT, Role.LINE)
