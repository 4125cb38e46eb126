"""Where people are: postal addresses in Chinese, vehicle plates, co-ordinates."""

from __future__ import annotations

import re

from gateway.detect.detector import Document, Trigger, words
from gateway.detect.identifiers.shape import Candidate, Found, Identifier, Shape, plain

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_SERIAL = "[A-HJ-NP-Z0-9]"
_PLATE = f"[{_PROVINCES}][A-HJ-NP-Z](?:[ .·•]?{_SERIAL}{{4}}(?:{_SERIAL}|[挂学警港澳领试超])|[ .·•]?(?:[A-HJK]{_SERIAL}[0-9]{{4}}|[0-9]{{5}}[A-HJK]))"
"""GA 36: five characters; new-energy cars have six, with a letter A–K in front or behind."""
_PLATE_TRIGGER = f"(?:{'|'.join(_PROVINCES)})[A-HJ-NP-Z](?: |\\.|·|•)?{_SERIAL}{{4}}"

_ROAD = "(?:路|街|道|巷|弄|里|胡同|村|镇|乡|屯|庄|小区|花园|家园|公寓|大厦|广场|新村|社区|苑|园|坊|城)"
_UNIT = "(?:号院|号楼|号|弄|栋|幢|座|室|单元|楼|组|支弄)"
_HOUSE = re.compile(
    f"{_ROAD}[ ]?[0-9一二三四五六七八九十百]{{1,5}}(?:-[0-9]{{1,4}})?[ ]?{_UNIT}"
    f"(?:[^\\s，。；、,;:：]{{0,20}}[0-9]{{1,5}}{_UNIT}?)?"
)
"""Road and number, and the rooms behind it."""
_DIVISION = re.compile("[\u4e00-\u9fff]{2}(?:省|自治区|行政区|市|自治州|地区|盟|县|区|旗|镇|乡)")
_LEAD = re.compile("(?:地址|住址|住所|位于|住在|家住|现住|寄到|送到|籍贯|户籍地?|坐落于?|[在至为是到])")
_BREAK = re.compile("[^\u4e00-\u9fff0-9A-Za-z（）()]")
_AHEAD = 40
"""Longest part of an address in front of the house number."""
_ROOM = re.compile("[0-9](?:室|单元|栋|幢|号楼)")
_ADDRESS_TRIGGER = (
    f"{_ROAD}[ ]?(?:[0-9]{{1,5}}(?:-[0-9]{{1,4}})?|(?:一|二|三|四|五|六|七|八|九|十|百){{1,5}})[ ]?{_UNIT}"
)

_DEGREES = r"[+\-]?[0-9]{1,3}\.[0-9]{3,12}"
_GEO_WORDS = words(
    "经纬度",
    "经度",
    "纬度",
    "坐标",
    "latitude",
    "longitude",
    '"lat"',
    "lat:",
    "lat=",
    "gps",
    "location",
    "wgs84",
    "gcj02",
    "bd09",
)
_GEO_TRIGGER = Trigger(_GEO_WORDS.pattern + r"[^\n]{0,40}?[0-9]{1,3}\.[0-9]{3}", caseless=True)
_PAIR = re.compile(
    rf"(?<![0-9.])(?P<first>{_DEGREES})°?[NSns]?[\"'\s,，;/]{{1,4}}(?:[\"']?[A-Za-z_经纬度东西南北]{{1,12}}[\"']?[ :：=]{{0,3}})?[\"']?(?P<second>{_DEGREES})(?![0-9.])"
)


def _plate(found: Found, _document: Document) -> Candidate | None:
    plate = re.sub("[ .·•]", "", found[0])
    if not any(char.isdigit() for char in plate):
        return None
    return plain(found, plate)


def _address(found: Found, _document: Document) -> Candidate | None:
    """Division, road and number; without a division a room must be named, and context."""
    ahead = _BREAK.split(found.string[max(0, found.start() - _AHEAD) : found.start()])[-1]
    leads = list(_LEAD.finditer(ahead))
    ahead = ahead[leads[-1].end() :] if leads else ahead
    divided = _DIVISION.search(ahead) is not None
    if not divided and not _ROOM.search(found[0]):
        return None
    return Candidate(ahead + found[0], found.start() - len(ahead), found.end(), weak=not divided)


def _coordinates(found: Found, _document: Document) -> Candidate | None:
    first, second = float(found["first"]), float(found["second"])
    if not (abs(first) <= 90 and abs(second) <= 180) and not (abs(first) <= 180 and abs(second) <= 90):
        return None
    return plain(found, f"{found['first']},{found['second']}", weak=True)


VEHICLE_PLATE = Identifier(
    "cn.vehicle-plate", (Shape(Trigger(_PLATE_TRIGGER), re.compile(rf"{_PLATE}(?![A-Za-z0-9])"), _plate, reach=16),)
)
ADDRESS = Identifier("cn.address", (Shape(Trigger(_ADDRESS_TRIGGER), _HOUSE, _address, reach=60),))
COORDINATES = Identifier("geo.coordinates", (Shape(_GEO_TRIGGER, _PAIR, _coordinates, reach=80),))
