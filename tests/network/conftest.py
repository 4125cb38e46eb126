"""Three machines, a name server and a web server, for the tests of a module; the rules are the ones of `deploy/`."""

import pytest

from tests.support import namespaces
from tests.support.names import NameServer
from tests.support.namespaces import Network
from tests.support.origin import Origin

NAMES = ("upload.example.com", "qyapi.weixin.qq.com", "forged.example.com")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    why = namespaces.missing()
    if why:
        pytest.skip(why)
    with Network(tmp_path_factory.mktemp("network")) as network:
        yield network


@pytest.fixture(scope="module")
def names(network):
    """Name → addresses, as the listed resolver tells them; the one that is not listed tells the same."""
    table = {
        "upload.example.com": [namespaces.ORIGIN4, namespaces.ORIGIN6],
        "qyapi.weixin.qq.com": [namespaces.ORIGIN4, namespaces.ORIGIN6],
        "forged.example.com": [namespaces.FOREIGN4],
    }
    addresses = (namespaces.RESOLVER4, namespaces.RESOLVER6, namespaces.OTHER_RESOLVER4)
    with network.origin.entered():
        server = NameServer(addresses, table).__enter__()
    yield server
    server.__exit__()


@pytest.fixture(scope="module")
def origin(network, tmp_path_factory):
    server = Origin(tmp_path_factory.mktemp("origin"), names=NAMES, host=None, ports=(443, 80), keep_bodies=True)
    with network.origin.entered():
        server.__enter__()
    yield server
    server.__exit__()


@pytest.fixture(autouse=True)
def _nothing_seen(network, origin, names):
    origin.clear()
    network.forget()
    names.asked.clear()
