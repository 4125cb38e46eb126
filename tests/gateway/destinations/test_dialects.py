from gateway.destinations.dialects import DIALECTS, Dialect
from gateway.destinations.entries import EndpointEntry


def test_the_tuple_is_the_closed_set():
    assert {"none", *DIALECTS} == set(Dialect.__value__.__args__)
    assert len(DIALECTS) == len(set(DIALECTS))
    assert "none" not in DIALECTS


def test_an_endpoint_may_have_each_of_them():
    for name in DIALECTS:
        endpoint = {"id": "up", "kind": "file", "evidence": "memory", "path": "/", "dialect": name}
        assert EndpointEntry.model_validate(endpoint).dialect == name
