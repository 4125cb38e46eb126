"""Who has which address, told by other systems: the token, every value, the bounds, and the record of each change."""

import ipaddress
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest

from gateway.console import addresses as module
from gateway.console.addresses import AddressBook
from gateway.console.app import build_app
from gateway.errors import RecordError
from gateway.identity import leases as leases_module
from gateway.identity.leases import Leases

param = pytest.param
TOKEN = "t" * 32
NOW = datetime(2026, 3, 1, 8, 0, 0, tzinfo=UTC)
PATH = "/api/v1/addresses"


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def leases(tmp_path, clock):
    made = Leases(tmp_path / "addresses.db", lambda: clock().timestamp())
    yield made
    made.close()


@pytest.fixture
def said():
    return []


@pytest.fixture
def as_system(health, leases, said, clock):
    @asynccontextmanager
    async def connected(token=TOKEN, record=said.append):
        app = build_app(health, now=clock, book=AddressBook(leases, TOKEN, record, clock))
        transport = httpx.ASGITransport(app, client=("10.0.0.9", 4000))
        headers = {"authorization": f"Bearer {token}"} if token is not None else {}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081", headers=headers) as client:
            yield client

    return connected


@pytest.fixture
async def nac(as_system):
    async with as_system() as client:
        yield client


async def test_an_address_is_told_asked_and_taken_back(nac, leases, said):
    answer = await nac.put(f"{PATH}/10.1.2.3", json={"user": "zhang.wei", "ttl_s": 3600})
    entry = {
        "address": "10.1.2.3",
        "user": "zhang.wei",
        "expires": "2026-03-01T09:00:00.000Z",
        "changed": "2026-03-01T08:00:00.000Z",
    }
    assert (answer.status_code, answer.json()) == (200, entry)
    assert leases.user_of(ipaddress.ip_address("10.1.2.3")) == "zhang.wei"
    assert (await nac.get(f"{PATH}/::ffff:10.1.2.3")).json() == entry
    listed = (await nac.get(PATH)).json()
    assert listed == {"addresses": [entry], "total": 1, "next_after": None}
    assert (await nac.delete(f"{PATH}/10.1.2.3")).status_code == 204
    assert (await nac.get(f"{PATH}/10.1.2.3")).status_code == 404
    assert (await nac.delete(f"{PATH}/10.1.2.3")).status_code == 404
    common = {"address": "10.1.2.3", "user": "zhang.wei", "by": "10.0.0.9"}
    assert said == [
        {"event": "address.set", "expires": "2026-03-01T09:00:00.000Z", **common},
        {"event": "address.deleted", **common},
    ]


async def test_an_end_as_a_time_and_a_new_holder(nac, leases):
    await nac.put(f"{PATH}/2001:db8::1", json={"user": "li", "expires": "2026-03-01T18:00:00+08:00"})
    answer = await nac.put(f"{PATH}/2001:DB8:0::1", json={"user": "zhang", "expires": "2026-03-01T11:00:00Z"})
    assert answer.json()["expires"] == "2026-03-01T11:00:00.000Z"
    assert leases.user_of(ipaddress.ip_address("2001:db8::1")) == "zhang"


async def test_an_entry_ends_at_its_second(nac, clock):
    await nac.put(f"{PATH}/10.1.2.3", json={"user": "li", "ttl_s": 1})
    clock.now = datetime(2026, 3, 1, 8, 0, 0, 999000, tzinfo=UTC)
    assert (await nac.get(f"{PATH}/10.1.2.3")).status_code == 200
    clock.now = datetime(2026, 3, 1, 8, 0, 1, tzinfo=UTC)
    assert (await nac.get(f"{PATH}/10.1.2.3")).status_code == 404
    assert (await nac.get(PATH)).json()["total"] == 0


async def test_pages(nac):
    for number in (3, 1, 2):
        await nac.put(f"{PATH}/10.0.0.{number}", json={"user": "li", "ttl_s": 60})
    first = (await nac.get(PATH, params={"limit": 2})).json()
    assert ([one["address"] for one in first["addresses"]], first["next_after"], first["total"]) == (
        ["10.0.0.1", "10.0.0.2"],
        "10.0.0.2",
        3,
    )
    second = (await nac.get(PATH, params={"limit": 2, "after": first["next_after"]})).json()
    assert ([one["address"] for one in second["addresses"]], second["next_after"]) == (["10.0.0.3"], None)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("token", [None, "", "x" * 32, TOKEN[:-1], TOKEN + "t", TOKEN.upper()])
async def test_without_the_token_nothing_is_said(as_system, leases, method, token):
    async with as_system(token) as client:
        answer = await client.request(method, f"{PATH}/10.1.2.3", json={"user": "li", "ttl_s": 60})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert leases.count() == 0


async def test_two_tokens_or_another_scheme_are_none(as_system):
    async with as_system(None) as client:
        twice = [("authorization", f"Bearer {TOKEN}"), ("authorization", "Bearer x")]
        assert (await client.get(PATH, headers=twice)).status_code == 401
        assert (await client.get(PATH, headers={"authorization": f"Basic {TOKEN}"})).status_code == 401
        assert (await client.get(PATH, headers={"authorization": f"bearer {TOKEN}"})).status_code == 200


async def test_without_a_book_there_is_no_such_place(browser):
    for method in ("GET", "PUT", "DELETE"):
        answer = await browser.request(
            method, f"{PATH}/10.1.2.3", headers={"authorization": f"Bearer {TOKEN}"}, content=b"{}"
        )
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("body", "names"),
    [
        param({"user": "li"}, ["expires"], id="no end"),
        param({"user": "li", "ttl_s": 60, "expires": "2026-03-01T11:00:00Z"}, ["expires"], id="two ends"),
        param({"ttl_s": 60}, ["user"], id="nobody"),
        param({"user": "", "ttl_s": 60}, ["user"], id="empty name"),
        param({"user": "a b", "ttl_s": 60}, ["user"], id="blank in the name"),
        param({"user": "a:b", "ttl_s": 60}, ["user"], id="colon in the name"),
        param({"user": "x" * 129, "ttl_s": 60}, ["user"], id="endless name"),
        param({"user": 3, "ttl_s": 60}, ["user"], id="number for a name"),
        param({"user": "li", "ttl_s": 0}, ["ttl_s"], id="no time"),
        param({"user": "li", "ttl_s": "60"}, ["ttl_s"], id="text for a number"),
        param({"user": "li", "ttl_s": 31 * 86400 + 1}, ["ttl_s"], id="more than a month"),
        param({"user": "li", "expires": "2026-03-01T11:00:00"}, ["expires"], id="no zone"),
        param({"user": "li", "expires": "2026-03-01T08:00:00Z"}, ["expires"], id="over already"),
        param({"user": "li", "expires": "2026-04-01T08:00:01Z"}, ["expires"], id="too far off"),
        param({"user": "li", "ttl_s": 60, "group": "x"}, ["group"], id="unknown key"),
        param([], ["expires"], id="list"),
    ],
)
async def test_values_that_are_not_taken(nac, said, leases, body, names):
    answer = await nac.put(f"{PATH}/10.1.2.3", json=body)
    assert (answer.status_code, [wrong["parameter"] for wrong in answer.json()["errors"]]) == (422, names)
    assert (said, leases.count()) == ([], 0)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        param(b"", 422, id="empty"),
        param(b"{", 422, id="no JSON"),
        param(b"\xff", 422, id="not UTF-8"),
        param(b"[" * 4000, 422, id="deep"),
        param(b'{"user": "li", "ttl_s": 60, "x": "' + b"a" * 4096, 413, id="long"),
    ],
)
async def test_bodies_that_are_none(nac, content, status):
    assert (await nac.put(f"{PATH}/10.1.2.3", content=content)).status_code == status


@pytest.mark.parametrize("address", ["10.0.0.0%2F8", "ten", "fe80::1%25eth0", "10.1.2", "010.1.2.3", "..%2Fstatus"])
async def test_addresses_that_are_none(nac, address):
    answer = await nac.put(f"{PATH}/{address}", json={"user": "li", "ttl_s": 60})
    assert answer.status_code in {404, 422}
    assert (await nac.get(PATH, params={"after": "x"})).status_code == 422


async def test_the_number_is_bounded(nac, monkeypatch):
    monkeypatch.setattr(leases_module, "MAX_LEASES", 1)
    assert (await nac.put(f"{PATH}/10.0.0.1", json={"user": "li", "ttl_s": 60})).status_code == 200
    answer = await nac.put(f"{PATH}/10.0.0.2", json={"user": "li", "ttl_s": 60})
    assert (answer.status_code, answer.json()["title"]) == (507, "As many addresses are held as may be")


async def test_a_change_that_cannot_be_recorded_is_not_made(as_system, leases):
    def record(_body):
        raise RecordError("no space")

    async with as_system(record=record) as client:
        answer = await client.put(f"{PATH}/10.0.0.1", json={"user": "li", "ttl_s": 60})
    assert (answer.status_code, leases.count()) == (503, 0)


async def test_a_file_that_cannot_be_read_is_told(nac, leases):
    leases._database.execute("drop table leases")
    for answer in (
        await nac.get(PATH),
        await nac.get(f"{PATH}/10.0.0.1"),
        await nac.put(f"{PATH}/10.0.0.1", json={"user": "li", "ttl_s": 60}),
        await nac.delete(f"{PATH}/10.0.0.1"),
    ):
        assert (answer.status_code, answer.json()["title"]) == (503, "The addresses cannot be read or written")


async def test_the_document_names_the_routes(nac):
    document = (await nac.get("/api/openapi.json")).json()
    assert sorted(document["paths"][f"{PATH}/{{address}}"]) == ["delete", "get", "put"]
    put = document["paths"][f"{PATH}/{{address}}"]["put"]
    assert set(put["requestBody"]["content"]["application/json"]["schema"]["properties"]) == {
        "user",
        "expires",
        "ttl_s",
    }
    assert list(put["responses"]["401"]["content"]) == ["application/problem+json"]


async def test_nobody_is_told_without_a_client(health, leases, said, clock):
    app = build_app(health, now=clock, book=AddressBook(leases, TOKEN, said.append, clock))
    transport = httpx.ASGITransport(app, client=None)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081") as client:
        headers = {"authorization": f"Bearer {TOKEN}"}
        await client.put(f"{PATH}/10.0.0.1", json={"user": "li", "ttl_s": 60}, headers=headers)
    assert said[0]["by"] == ""


def test_bounds():
    assert (module.MAX_BODY_BYTES, leases_module.MAX_LEASES) == (4096, 200_000)
