"""The proxy auto-config file over HTTP: for everybody, of the right kind, and never by what the client says of itself."""

import pytest

from gateway.console.health import Health
from gateway.settings import Address


@pytest.mark.parametrize("path", ["/proxy.pac", "/wpad.dat"])
async def test_file_is_of_its_kind(browser, path):
    answer = await browser.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ns-proxy-autoconfig")
    assert answer.headers["cache-control"] == "private, max-age=3600"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert 'return "PROXY 127.0.0.1:9";' in answer.text
    head = await browser.head(path)
    assert (head.status_code, head.headers["content-type"], head.text) == (200, answer.headers["content-type"], "")


@pytest.mark.parametrize("host", ["wpad", "wpad.corp.example", 'evil.example";alert(1)', "evil.example:1"])
async def test_any_name_may_ask_and_none_is_repeated(settings, store, health, connect, host):
    every = settings.model_copy(update={"listen": Address("0.0.0.0", 3128)})
    async with connect(Health(every, store, health.inspectors), host=host) as browser:
        answer = await browser.get("/wpad.dat")
        assert (answer.status_code, "evil" in answer.text) == (200, False)
        # The server's side of the connection, as it would be with a real one.
        assert 'return "PROXY 127.0.0.1:3128";' in answer.text
        assert (await browser.get("/")).status_code in {400, 421}


async def test_nothing_to_find_where_clients_know_of_no_proxy(settings, store, health, connect):
    hidden = settings.model_copy(update={"mode": "transparent"})
    async with connect(Health(hidden, store, health.inspectors)) as browser:
        assert (await browser.get("/proxy.pac")).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_nothing_can_be_sent_there(browser, method):
    assert (await browser.request(method, "/wpad.dat")).status_code == 405
