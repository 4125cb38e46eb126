"""What elements and attributes mean."""

import pytest

from gateway.content.xml_roles import ODF_ROLES, OOXML_ROLES, Role, is_boilerplate, is_telling, is_wordy


@pytest.mark.parametrize(
    ("name", "expected"), [("descr", True), ("wp:descr", True), ("xmlns", False), ("xmlns:w", False), ("w:val", None)]
)
def test_is_wordy(name, expected):
    assert is_wordy(name) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("http://schemas.microsoft.com/office/word/2010/wordml", True, id="namespace"),
        pytest.param("urn:schemas-microsoft-com:vml", True, id="older namespace"),
        pytest.param("{28A0092B-C50C-407E-A947-70E740481C1C}", True, id="GUID"),
        pytest.param("application/vnd.openxmlformats-package.relationships+xml", True, id="media type"),
        pytest.param("m,l,21600r21600,l21600,xe", True, id="outline"),
        pytest.param("http://schemas.microsoft.com/13800138000", False, id="number in a namespace"),
        pytest.param("m,13800138000l", False, id="number in an outline"),
        pytest.param("urn:words", False, id="somebody's own"),
    ],
)
def test_boilerplate(value, expected):
    assert is_boilerplate(value) is expected


def test_telling_names():
    assert [is_telling(name) for name in ("w:p", "客户", "a123456", "x14ac:dyDescent")] == [False, True, True, False]


def test_paragraphs_hold_text_in_one_family_and_runs_in_the_other():
    assert (OOXML_ROLES["p"], OOXML_ROLES["t"], ODF_ROLES["p"]) == (Role.PARAGRAPH, Role.TEXT, Role.LINE)
