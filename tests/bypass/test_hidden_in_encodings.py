"""A number in an encoding that hardly anybody uses: it is found."""

import pytest

from gateway.content.types import MediaTypes
from gateway.content.unpack import Budget, unpack
from gateway.limits import Limits
from gateway.parts import Piece

ID = "11010519491231002X"
"""The sample of GB 11643."""
TYPES = MediaTypes()
ROWS = f"ID CARD {ID} CUSTOMER ZHANG SAN\n" * 20


def read(data: bytes, name: str = "a") -> str:
    parts = unpack(Piece(data, name), types=TYPES, limits=Limits(), budget=Budget())
    return "\n".join(text.text for part in parts for text in part.texts)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(ROWS.replace("\n", " ").encode("cp037"), id="EBCDIC without lines"),
        pytest.param(ROWS.encode("cp037"), id="EBCDIC"),
        pytest.param(ROWS.encode("cp500"), id="EBCDIC, international"),
        pytest.param(f"NO {ID}".encode("cp1140"), id="EBCDIC, short"),
    ],
)
def test_ebcdic(data):
    assert ID in read(data)


def test_utf7_where_it_is_declared():
    words = "身份证".encode("utf-7").decode()
    hidden = "+ADE-" + ID[1:]
    page = f"<html><meta charset=utf-7><p>{words} {hidden}</html>".encode()
    assert f"身份证 {ID}" in read(page)
    assert "身份证" not in read(page.replace(b"utf-7", b"utf-8"))


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "big5", "shift_jis", "euc_kr", "cp1252"])
def test_ordinary_texts_are_no_ebcdic(encoding):
    words = {"cp1252": "Déjà vu à la carte, naïve café"}.get(encoding, "客戶名單 13800138000 合同")
    data = words.encode(encoding, "ignore") * 50
    parts = unpack(Piece(data, "a.txt"), types=TYPES, limits=Limits(), budget=Budget())
    assert all(text.text != data.decode("cp037") for part in parts for text in part.texts)
