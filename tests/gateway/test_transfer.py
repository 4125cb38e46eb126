from dataclasses import FrozenInstanceError

import pytest

from gateway.transfer import Actor, Category, Channel, Destination, Region, Request, Transfer

param = pytest.param


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        param(Region.DOMESTIC, False, id="domestic"),
        param(Region.PRIVATE, False, id="private"),
        param(Region.OVERSEAS, True, id="overseas"),
        param(Region.HK_MO_TW, True, id="Hong Kong, Macao and Taiwan"),
        param(Region.UNKNOWN, True, id="unknown counts"),
    ],
)
def test_what_counts_as_leaving_the_country(region, expected):
    assert region.is_abroad is expected


def test_words_of_the_interface():
    assert [str(word) for word in Region] == ["domestic", "overseas", "hk-mo-tw", "private", "unknown"]
    assert [str(word) for word in Channel] == ["http/1.1", "http/2", "http/3", "websocket", "tcp", "udp"]
    assert str(Category.PERSONAL_CLOUD) == "personal-cloud"


def test_a_destination_nobody_looked_up_is_unknown_in_everything():
    destination = Destination(host="a.example")

    assert destination.region.is_abroad
    assert (destination.category, destination.service, destination.ip) == (Category.OTHER, "", "")
    assert not destination.many_files


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        param({"content-type": "text/csv; charset=gb18030"}, "text/csv; charset=gb18030", id="with parameters"),
        param({"content-length": "3"}, "", id="none"),
        param({"Content-Type": "text/csv"}, "", id="names are lower case"),
    ],
)
def test_declared_type(headers, expected):
    assert Request(headers=headers).content_type == expected


def test_shared_defaults_cannot_be_changed():
    with pytest.raises(TypeError):
        Request().headers["x"] = "y"


def test_a_transfer_is_frozen():
    transfer = Transfer("id", "2026-01-01T00:00:00.000Z", Actor(), Destination(host="a"), Channel.HTTP1, Request())

    with pytest.raises(FrozenInstanceError):
        transfer.channel = Channel.TCP
