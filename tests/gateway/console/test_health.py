import asyncio
import os

from gateway.console.health import Health
from gateway.inspectors.client import InspectorClient
from gateway.inspectors.codec import encode
from gateway.inspectors.sockets import control_path
from gateway.inspectors.words import LENGTH, PoolState
from gateway.settings import Settings
from tests.support.pool import running_pool

GOOD = {"policy": "", "store": "", "journal": "", "inspectors": "", "proxy": "", "processes": ""}


async def _served(handler=lambda _reader, writer: writer.close()):
    return await asyncio.start_server(handler, "127.0.0.1", 0)


def test_a_gateway_that_can_enforce(store, settings, tmp_path):
    async def problems(socket_path):
        async with await _served() as proxy:
            port = proxy.sockets[0].getsockname()[1]
            ready = settings.model_copy(update={"listen": Settings(listen=f"127.0.0.1:{port}").listen})
            return await Health(ready, store, InspectorClient(socket_path, 5.0)).problems()

    with running_pool(tmp_path, workers=1) as pool:
        assert asyncio.run(problems(pool.socket_path)) == GOOD


async def test_nobody_there(health):
    assert await health.problems() == GOOD | {
        "inspectors": "the inspectors do not answer",
        "proxy": "nobody listens on 127.0.0.1:9",
    }


async def test_processes_that_keep_dying(health, settings):
    (settings.state_dir / "run").mkdir()
    (settings.state_dir / "run" / "processes.json").write_text('{"worker": 1}')
    told = (await health.problems())["processes"]
    assert told == "processes that keep dying: 1 worker; the log says why"


def test_a_broken_policy(health, settings, tmp_path):
    broken = tmp_path / "policy.yaml"
    broken.write_text("version: 1\nrules: 7\ncolour: red\n")
    told = Health(settings.model_copy(update={"policy": broken}), health.store, health.inspectors).policy()
    assert told == "2 problems in the policy file; 'sluice check' lists them"


def test_a_store_that_cannot_be_written(health, tmp_path):
    health.store.close()
    for file in tmp_path.glob("sluice.db*"):
        file.unlink()
    (tmp_path / "sluice.db").mkdir()
    assert health.writable_store() == "the store cannot be written"


def test_a_journal_that_cannot_be_written(health, tmp_path):
    (tmp_path / "journal").rmdir()
    assert health.journal() == "the journal directory cannot be written (No such file or directory)"


def test_a_journal_without_room(health, monkeypatch):
    monkeypatch.setattr("gateway.console.health.MIN_FREE_BYTES", 1 << 62)
    assert health.journal() == "the disk of the journal is nearly full"
    assert os.listdir(health.settings.state_dir / "journal") == []


async def test_a_pool_without_inspectors(settings, store, tmp_path):
    async def tell(reader, writer):
        await reader.read(1)
        state = encode(PoolState(generation=1, workers=0))
        writer.write(LENGTH.pack(len(state)) + state)
        await writer.drain()
        writer.close()

    socket_path = str(tmp_path / "i.sock")
    async with await asyncio.start_unix_server(tell, control_path(socket_path)):
        health = Health(settings, store, InspectorClient(socket_path, 5.0))
        assert await health.pool() == "no inspector is ready"
