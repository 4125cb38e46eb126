import pytest

from gateway.detect.identifiers.travel import HK_MO_PERMIT, PASSPORT, TW_PERMIT
from tests.samples.detection import matches, values


@pytest.mark.parametrize(
    ("detector", "text", "value"),
    [
        pytest.param(PASSPORT, "护照 E12345678", "E12345678", id="passport"),
        pytest.param(PASSPORT, "护照 ea1234567", "EA1234567", id="passport, two letters"),
        pytest.param(PASSPORT, "Passport: DE1234567", "DE1234567", id="diplomatic"),
        pytest.param(PASSPORT, "passport number 141234567", "141234567", id="before 2012"),
        pytest.param(PASSPORT, "澳门护照 MA1234567", "MA1234567", id="Macao"),
        pytest.param(HK_MO_PERMIT, "往来港澳通行证C12345678", "C12345678", id="to Hong Kong"),
        pytest.param(HK_MO_PERMIT, "回乡证 M1234567801", "M1234567801", id="home return with issue"),
        pytest.param(TW_PERMIT, "台胞证 01234567", "01234567", id="from Taiwan"),
        pytest.param(TW_PERMIT, "台胞证 0123456701(B)", "0123456701(B)", id="from Taiwan with issue"),
        pytest.param(TW_PERMIT, "往来台湾通行证 T12345678", "T12345678", id="to Taiwan"),
        pytest.param(PASSPORT, "姓名,护照号\n李,E12345678", "E12345678", id="header of a table"),
    ],
)
def test_finds(detector, text, value):
    assert [(match.value, match.person) for match in matches(detector, text)] == [(value, f"id:{value}")]


@pytest.mark.parametrize(
    ("detector", "text"),
    [
        pytest.param(PASSPORT, "E12345678", id="passport without context"),
        pytest.param(PASSPORT, "护照 E123456789", id="passport too long"),
        pytest.param(PASSPORT, "护照 EI1234567", id="letter I is not used"),
        pytest.param(PASSPORT, "护照 XE12345678", id="letter in front"),
        pytest.param(HK_MO_PERMIT, "C12345678", id="permit without context"),
        pytest.param(TW_PERMIT, "台胞证 20240131", id="a date"),
        pytest.param(TW_PERMIT, "12345678", id="digits without context"),
    ],
)
def test_ignores(detector, text):
    assert values(detector, text) == set()
