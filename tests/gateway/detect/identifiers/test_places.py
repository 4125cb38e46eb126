import random

import pytest

from gateway.detect.identifiers.places import ADDRESS, COORDINATES, VEHICLE_PLATE
from tests.samples import identifiers as samples
from tests.samples.detection import values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("京A12345", {"京A12345"}, id="plain"),
        pytest.param("车牌沪B·7K123，", {"沪B7K123"}, id="dot"),
        pytest.param("粤BD12345", {"粤BD12345"}, id="new energy, letter in front"),
        pytest.param("粤B12345F", {"粤B12345F"}, id="new energy, letter behind"),
        pytest.param("苏E1234挂", {"苏E1234挂"}, id="trailer"),
        pytest.param("京ABCDEF", set(), id="no digit"),
        pytest.param("京O12345", set(), id="letter O"),
        pytest.param("京A1234", set(), id="too short"),
        pytest.param("京A123456", set(), id="six digits"),
        pytest.param("东A12345", set(), id="no province"),
    ],
)
def test_plate(text, expected):
    assert values(VEHICLE_PLATE, text) == expected


def test_generated_plates_are_all_found():
    rng = random.Random(10)
    plates = {samples.plate(rng) for _ in range(100)}
    assert values(VEHICLE_PLATE, "，".join(sorted(plates))) == plates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("地址：浙江省杭州市西湖区文三路478号", {"浙江省杭州市西湖区文三路478号"}, id="province to number"),
        pytest.param("他家住北京市朝阳区建国路88号院3号楼502室。", {"北京市朝阳区建国路88号院3号楼502室"}, id="room"),
        pytest.param("江苏省昆山市周市镇长江路一百二十号", {"江苏省昆山市周市镇长江路一百二十号"}, id="numerals"),
        pytest.param("收货地址 人民路12号3栋502室", {"人民路12号3栋502室"}, id="room and context, no division"),
        pytest.param("人民路12号3栋502室", set(), id="room, no division, no context"),
        pytest.param("地址 人民路12号", set(), id="no division, no room"),
        pytest.param("北京市朝阳区", set(), id="no road"),
        pytest.param("高速公路很长", set(), id="no number"),
        pytest.param("第12号文件", set(), id="no place"),
    ],
)
def test_address(text, expected):
    assert values(ADDRESS, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("GPS 39.90421, 116.40739", {"39.90421,116.40739"}, id="pair"),
        pytest.param('{"lat": 39.90421, "lng": 116.40739}', {"39.90421,116.40739"}, id="JSON"),
        pytest.param("坐标 东经116.40739°，北纬39.90421°", {"116.40739,39.90421"}, id="longitude first"),
        pytest.param("39.90421, 116.40739", set(), id="no context"),
        pytest.param("GPS 99.90421, 196.40739", set(), id="both off the globe"),
        pytest.param("GPS 39.9, 116.4", set(), id="coarse"),
    ],
)
def test_coordinates(text, expected):
    assert values(COORDINATES, text) == expected
