"""A number written so that a person still reads it: the engine reads it too."""

import base64
from datetime import date
from pathlib import Path

import pytest

from gateway.detect.engine import build_engine
from gateway.detect.tally import Tally
from gateway.limits import Limits
from gateway.parts import Part, Text

ID = "11010519491231002X"
"""The sample of GB 11643."""


@pytest.fixture(scope="module")
def engine():
    return build_engine([str(Path(__file__).parents[2] / "signatures")], limits=Limits())


def found(engine, text: str) -> set[str]:
    part = Part("a", "a", len(text), "", "", "text/plain", text.encode(), texts=(Text(text),))
    detection = engine.detect(part, Tally(b"k" * 32), today=date(2026, 11, 1))
    return {finding.signature for finding in detection.findings}


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("\u00a0".join(ID), id="no-break spaces"),
        pytest.param("\u3000".join(ID), id="ideographic spaces"),
        pytest.param("\u00b7".join(ID), id="middle dots"),
        pytest.param("\u0301".join(ID), id="accents"),
        pytest.param("\ufe0f\u20e3".join(ID), id="keycaps"),
        pytest.param("\u200b".join(ID), id="zero-width spaces"),
        pytest.param("".join(chr(ord(char) + 0xFEE0) for char in ID), id="full width"),
        pytest.param(" ".join(ID), id="blanks"),
        pytest.param("110105-19491231-002X", id="groups"),
        pytest.param("".join(f"={ord(char):02X}" for char in ID), id="quoted-printable"),
        pytest.param(f"{ID[:7]}=\n{ID[7:]}", id="soft line break"),
        pytest.param(base64.b32encode(f"身份证号 {ID} 张三".encode()).decode(), id="base32"),
        pytest.param("".join(f"\\u{{{ord(char):x}}}" for char in ID), id="escapes in braces"),
        pytest.param("".join(f"\\x{{{ord(char):x}}}" for char in ID), id="escapes in braces, of Perl"),
        pytest.param("".join(f"\\U{ord(char):08x}" for char in ID), id="escapes of eight digits"),
        pytest.param("".join(f"\\{ord(char):03o}" for char in ID), id="octal escapes"),
    ],
)
def test_written_otherwise(engine, written):
    assert "cn.resident-id" in found(engine, f"身份证 {written}。")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("tie\u0302\u0301ng Vie\u0323\u0302t 2026", id="decomposed Vietnamese"),
        pytest.param("1 \u00b7 2 \u00b7 3 \u00b7 X", id="list"),
    ],
)
def test_ordinary_text(engine, text):
    assert found(engine, text) == set()
