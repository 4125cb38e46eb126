import pickle
import re
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from gateway.limits import Limits
from gateway.settings import PACKAGE_DIR, SECTIONS, Address, LimitsSection, Settings, route_for

param = pytest.param

ROUTES = Settings.model_validate(
    {
        "upstream": {
            "connect_to": {
                "a.example:443": "127.0.0.1:9443",
                "*:443": "127.0.0.1:9444",
                "*:80": "origin.test:9080",
                "[2001:db8::1]:443": "[::1]:9445",
                "B.Example:8443": "127.0.0.1:9446",
            }
        }
    }
)


@pytest.mark.parametrize(
    ("host", "port", "route"),
    [
        param("a.example", 443, ("127.0.0.1", 9443), id="the exact one before any host"),
        param("A.Example.", 443, ("127.0.0.1", 9443), id="host in another form"),
        param("other.example", 443, ("127.0.0.1", 9444), id="any host"),
        param("a.example", 80, ("origin.test", 9080), id="any host on another port"),
        param("2001:db8::1", 443, ("::1", 9445), id="IPv6"),
        param("[2001:db8::1]", 443, ("::1", 9445), id="IPv6 in brackets"),
        param("b.example", 8443, ("127.0.0.1", 9446), id="key in another form"),
        param("a.example", 8443, None, id="port without a route"),
    ],
)
def test_fixed_routes(host, port, route):
    assert route_for(ROUTES, host, port) == route


def test_without_routes_nothing_is_routed():
    assert route_for(Settings(), "a.example", 443) is None


def test_paths_that_are_not_given_lie_in_the_state_directory(tmp_path):
    (tmp_path / "s" / "geo").mkdir(parents=True)

    settings = Settings.model_validate({"state_dir": "s"}, context={"base": tmp_path})

    assert settings.state_dir == tmp_path / "s"
    assert settings.tls.ca_dir == tmp_path / "s/ca"
    assert settings.events.jsonl == tmp_path / "s/events.jsonl"
    assert settings.geo.database == tmp_path / "s/geo"


def test_paths_that_are_given_stay(tmp_path):
    (tmp_path / "geo.mmdb").touch()
    given = {
        "state_dir": str(tmp_path),
        "tls": {"ca_dir": "/etc/ca", "passthrough": []},
        "events": {"jsonl": None},
        "geo": {"database": "geo.mmdb"},
    }

    settings = Settings.model_validate(given, context={"base": tmp_path})

    assert settings.tls.ca_dir == Path("/etc/ca")
    assert settings.events.jsonl == tmp_path / "events.jsonl"
    assert settings.geo.database == tmp_path / "geo.mmdb"


def test_without_a_database_in_the_state_directory_there_is_none(tmp_path):
    assert Settings.model_validate({"state_dir": str(tmp_path)}).geo.database is None


@pytest.mark.parametrize(
    ("given", "places"),
    [
        param({"state_dir": 3}, [("state_dir",)], id="state_dir is no path"),
        param({"state_dir": ""}, [("state_dir",)], id="state_dir is empty"),
        param({"state_dir": "a\0b"}, [("state_dir",)], id="NUL in state_dir"),
        param({"tls": 3}, [("tls",)], id="section is no mapping"),
        param({"workers": "2"}, [("workers",)], id="number as text"),
        param({"http2": 1}, [("http2",)], id="number as truth"),
        param({"limits": {"max_depth": 0}}, [("limits", "max_depth")], id="limit of zero"),
        param({"limits": {"inspect_s": float("inf")}}, [("limits", "inspect_s")], id="endless"),
        param({"limits": {"max_dept": 3}}, [("limits", "max_dept")], id="unknown limit"),
        param({"inspectors": {"memory_mb": 10}}, [("inspectors", "memory_mb")], id="memory too small to start"),
        param({"upstream_private": "10.0.0.0/8"}, [("upstream_private",)], id="text as list"),
        param({"upstream_private": ["10.0.0.0/8", 3]}, [("upstream_private", 1)], id="item of a list"),
        param({"identity": {"networks": {"10.0.0.0/8": 3}}}, [("identity", "networks", "10.0.0.0/8")], id="user"),
        param({"evidence": {"a": 1}}, [("evidence", "a")], id="section without keys"),
        param([], [()], id="no mapping"),
    ],
)
def test_refused(given, places):
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(given)

    assert [error["loc"] for error in caught.value.errors()] == places


def test_sections_are_those_that_hold_keys():
    holding = {name for name, default in Settings() if isinstance(default, BaseModel | Limits)}

    assert holding == SECTIONS


def test_a_section_without_keys_is_no_mistake():
    assert Settings.model_validate(dict.fromkeys(SECTIONS)) == Settings.model_validate({})


def test_limits_are_the_ones_of_the_core():
    settings = Settings.model_validate({"limits": {"max_depth": 3, "inspect_s": 5}})

    assert settings.limits == Limits(max_depth=3, inspect_s=5.0)
    assert Settings.model_validate({"limits": Limits(max_depth=4)}).limits == Limits(max_depth=4)
    assert Settings().limits == Limits()
    assert set(LimitsSection.model_fields) == {field.name for field in fields(Limits)}


def test_settings_travel_to_worker_processes():
    assert pickle.loads(pickle.dumps(ROUTES)) == ROUTES


def test_settings_are_frozen():
    with pytest.raises(ValidationError):
        Settings().listen = Address("0.0.0.0", 1)


def test_shipped_data_is_where_the_defaults_point():
    settings = Settings()

    assert (settings.signatures[0] / "yara").is_dir()
    assert list(settings.catalogue[0].glob("*.yaml"))


def keys(model: type[BaseModel], prefix: str = "") -> dict[str, object]:
    """Dotted key → default, of every key that takes a value."""
    found = {}
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, Limits):
            found |= keys(LimitsSection, "limits.")
        elif isinstance(default, BaseModel):
            found |= keys(type(default), f"{prefix}{name}.")
        else:
            found[prefix + name] = default
    return found


def documented() -> dict[str, str]:
    """Dotted key → default as docs/settings.md says it."""
    text = (PACKAGE_DIR.parent / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.]+)` \| [^|]+ \| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a key is documented twice"
    return dict(rows)


def test_every_key_is_documented_and_nothing_else():
    assert set(documented()) == set(keys(Settings))


PLACES = {"tls.ca_dir", "geo.database", "events.jsonl", "signatures", "catalogue"}
"""Keys whose default is a place, told in words."""


@pytest.mark.parametrize("key", sorted(set(keys(Settings)) - PLACES))
def test_documented_defaults_are_true(key):
    default = keys(Settings)[key]
    if default and isinstance(default, tuple) and all(isinstance(item, str) for item in default):
        default = f"[{', '.join(default)}]"
    written = {"True": "true", "False": "false", "None": "null", "()": "[]"}.get(str(default), str(default))

    assert documented()[key] == f"`{written}`"
