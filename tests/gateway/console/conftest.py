"""A console over a real store, asked in the process it runs in."""

from __future__ import annotations

from contextlib import asynccontextmanager

import httpx
import pytest

from gateway.console.app import build_app
from gateway.console.health import Health
from gateway.inspectors.client import InspectorClient
from gateway.records.store import Store
from gateway.settings import PACKAGE_DIR, Settings
from tests.samples.incidents import NOW, fill

BASE = "http://127.0.0.1:8081"


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "journal").mkdir()
    names = ("wecom.yaml", "slack.yaml", "baidu_netdisk.yaml", "generic.yaml")
    catalogue = [PACKAGE_DIR / "destinations" / "data" / name for name in names]
    return Settings.model_validate({"state_dir": tmp_path, "listen": "127.0.0.1:9", "catalogue": catalogue})


@pytest.fixture
def store(tmp_path):
    fill(tmp_path / "sluice.db")
    with Store.open(tmp_path / "sluice.db") as store:
        yield store


@pytest.fixture
def health(settings, store):
    return Health(settings, store, InspectorClient(str(settings.state_dir / "none.sock"), 1.0))


@pytest.fixture
def connect():
    """`async with connect(health) as browser`: a client whose redirects are not followed."""

    @asynccontextmanager
    async def connected(health, **headers):
        app = build_app(health, now=lambda: NOW)
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers) as client:
            yield client

    return connected


@pytest.fixture
async def browser(health, connect):
    async with connect(health) as client:
        yield client
