"""The pool and its generations as real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.errors import InspectorError
from gateway.inspectors.words import Ticket
from tests.samples.inspectors import TRANSFER
from tests.support.pool import RunningPool, is_alive, open_files, running_pool
from tests.support.waiting import eventually

MIB = 1024 * 1024
PRIVILEGED = os.geteuid() == 0


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    with running_pool(tmp_path_factory.mktemp("pool"), timeout_s=1.0) as running:
        yield running


async def ask(pool, body, **options):
    return (await pool.client(**options).inspect(TRANSFER, body, len(body))).path


async def until(pool, condition):
    """Wait for a state of the pool, at most as long as pytest lets it."""
    while not condition(await pool.client().ping()):  # noqa: ASYNC110 - it is another process that changes
        await asyncio.sleep(0)


async def reason_of(pool, body, **options):
    with pytest.raises(InspectorError) as caught:
        await ask(pool, body, **options)
    return caught.value.reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"segfault", "crash", id="segmentation fault"),
        pytest.param(b"abort", "crash", id="abort in C"),
        pytest.param(b"raise", "crash", id="exception"),
        pytest.param(b"system-exit", "crash", id="exit"),
        pytest.param(b"loop", "timeout", id="loop in Python"),
        pytest.param(b"loop-in-c", "timeout", id="loop in C"),
        pytest.param(b"sleep 60", "timeout", id="sleep in C"),
        pytest.param(b"blocked-signals", "timeout", id="loop with every signal blocked"),
        pytest.param(b"eat", "memory", id="one large allocation"),
        pytest.param(b"eat-slowly", "memory", id="many allocations"),
        pytest.param(b"huge", "protocol", id="huge output"),
        pytest.param(b"not-an-inspection", "protocol", id="output of another kind"),
    ],
)
async def test_a_job_that_goes_wrong_fails_alone(pool, body, reason):
    before = open_files()
    assert await reason_of(pool, body) == reason
    assert int(await ask(pool, b"pid")) > 0
    assert open_files() == before


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        pytest.param(b"connect inet", "PermissionError", id="connect to loopback"),
        pytest.param(b"connect unix", "PermissionError", id="connect to a Unix socket"),
        pytest.param(b"read /etc/passwd", "PermissionError", id="read /etc/passwd"),
        pytest.param(b"read /proc/self/environ", "PermissionError", id="read /proc"),
        pytest.param(b"list .", "PermissionError", id="list the working directory"),
        pytest.param(b"list /", "PermissionError", id="list the root"),
        pytest.param(b"write /tmp/sluice-sandbox-test", "PermissionError", id="write a file"),
        pytest.param(b"write /dev/null", "PermissionError", id="write a device"),
        pytest.param(b"unlink /tmp/sluice-sandbox-test", "PermissionError", id="unlink"),
        pytest.param(b"fork", "PermissionError", id="fork"),
        pytest.param(b"thread", "RuntimeError", id="thread"),
        pytest.param(b"execve", "PermissionError", id="execve"),
        pytest.param(b"spawn", "PermissionError", id="spawn"),
        pytest.param(b"kill-parent", "PermissionError", id="kill the generation"),
        pytest.param(b"setuid", "PermissionError", id="become root"),
        pytest.param(b"unshare", "PermissionError", id="make a namespace"),
        pytest.param(b"memfd", "PermissionError", id="make a file in memory"),
        pytest.param(b"ptrace", "-1", id="trace the generation"),
        pytest.param(b"dumpable", "0", id="be traced"),
        pytest.param(b"map", "done 4096", id="map memory, which is allowed"),
        pytest.param(b"late-import", "encodings.gb18030bef8c3dc", id="import late, which is allowed"),
        pytest.param(b"descriptors", "0 1 2 3 4 5 6 7", id="descriptors: screen, four of the pool, epoll, the job's"),
    ],
)
async def test_the_sandbox_of_a_real_inspector(pool, body, outcome):
    told = await ask(pool, body)
    if body == b"descriptors":
        assert len(told.split()) == len(outcome.split())
    else:
        assert told == outcome


async def test_the_state_names_the_layers_and_every_restart_is_counted(pool):
    state = await pool.client().ping()
    assert state.layers == {
        "network-namespace": True,
        "no-new-privileges": True,
        "no-capabilities": True,
        "unprivileged-user": state.layers["unprivileged-user"],
        "landlock": True,
        "seccomp": True,
    }
    (ready,) = pool.events("inspectors.ready")
    assert [*ready["sandbox_missing"]] == [name for name, there in state.layers.items() if not there]
    died = pool.events("inspectors.died")
    assert {line["reason"] for line in died} <= {"crash", "timeout", "memory"}


async def test_what_an_inspector_prints_is_not_in_the_log(pool):
    assert await ask(pool, b"print") == "1717"
    assert b"payload" not in pool.log_file.read_bytes()
    assert b"110105194912310" not in pool.log_file.read_bytes()


def test_the_others_finish_while_one_loops(tmp_path):
    with running_pool(tmp_path, timeout_s=3.0) as pool:
        asyncio.run(forty_jobs_beside_a_loop(pool))


async def forty_jobs_beside_a_loop(pool):
    before = open_files()
    client = pool.client()
    loop = asyncio.create_task(client.inspect(TRANSFER, b"loop", 4))
    bodies = [os.urandom(index * 20_000) for index in range(40)]
    found = await asyncio.gather(*(client.inspect(TRANSFER, body, len(body)) for body in bodies))
    assert [inspection.parts[0].size_bytes for inspection in found] == [index * 20_000 for index in range(40)]
    assert not loop.done()
    with pytest.raises(InspectorError, match="timeout"):
        await loop
    assert open_files() == before


async def test_an_inspector_killed_in_its_job_is_a_crash_and_is_replaced(pool):
    await until(pool, lambda state: state.idle == 2)
    victim = int(await ask(pool, b"pid"))
    jobs = [asyncio.create_task(reason_of(pool, b"sleep 60")) for _ in range(2)]
    await until(pool, lambda state: state.busy == 2)
    os.kill(victim, signal.SIGKILL)
    assert sorted(await asyncio.gather(*jobs)) == ["crash", "timeout"]
    assert int(await ask(pool, b"pid")) != victim
    await until(pool, lambda state: state.idle == 2)
    assert victim not in pool.worker_pids()


def test_no_process_gains_descriptors_by_replacing(pool):
    def counts():
        pool.wait_for(lambda state: state.idle == 2)
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in (pool.process.pid, pool.generation_pid())]

    before = counts()
    for _ in range(5):
        assert asyncio.run(reason_of(pool, b"segfault")) == "crash"
    eventually(lambda: counts() == before)  # but for the connection of a question that is just being closed


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"X" + bytes(16), id="unknown"),
        pytest.param(b"W", id="cut"),
        pytest.param(b"W" * 99, id="long"),
    ],
)
def test_a_wrong_question_hurts_nobody(pool, question):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(pool.socket_path.replace(".sock", ".control"))
        client.sendall(question)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(99)[4:5] == b"{"
    assert pool.state().workers == 2


def test_a_client_that_asks_nothing_does_not_hold_the_pool(pool):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(pool.socket_path.replace(".sock", ".control"))
        assert pool.state().workers == 2


async def test_a_death_nobody_knows_has_no_reason(pool):
    assert await pool.client()._why(Ticket(1, 1)) == "crash"


def test_an_inspector_is_replaced_after_its_jobs_without_losing_one(tmp_path):
    async def many(pool):
        client = pool.client(max_jobs=100)
        found = await asyncio.gather(*(client.inspect(TRANSFER, b"pid", 3) for _ in range(60)))
        return {inspection.path for inspection in found}

    with running_pool(tmp_path, max_jobs=5) as pool:
        assert len(asyncio.run(many(pool))) >= 12
        assert pool.state().workers >= 1
        assert pool.events("inspectors.died") == []


def test_an_inspector_that_stays_large_is_replaced(tmp_path):
    with running_pool(tmp_path, workers=1, memory_mb=128) as pool:
        (first,) = pool.worker_pids()
        assert asyncio.run(ask(pool, b"keep")) == "1"
        assert asyncio.run(ask(pool, b"pid")) != str(first)


def test_a_storm_of_crashes_is_slowed_down_and_passes(tmp_path):
    async def storm(pool):
        client = pool.client(queue_s=10.0)
        jobs = (client.inspect(TRANSFER, b"segfault", 8) for _ in range(9))
        return {str(end) for end in await asyncio.gather(*jobs, return_exceptions=True)}

    with running_pool(tmp_path, workers=1) as pool:
        begun = time.monotonic()
        assert asyncio.run(storm(pool)) == {"inspector: crash"}
        assert 0.5 < time.monotonic() - begun < 15
        assert asyncio.run(ask(pool, b"pid"))


def test_sigterm_lets_jobs_finish_and_takes_no_more(tmp_path):
    async def run(pool):
        job = asyncio.create_task(ask(pool, b"sleep 0.5"))
        await until(pool, lambda state: state.busy)
        pool.send(signal.SIGTERM)
        finished = await job
        return finished, await reason_of(pool, b"pid")

    with running_pool(tmp_path, workers=1) as pool:
        assert asyncio.run(run(pool)) == ("None", "crash")
        assert pool.process.wait(10) == 0
    assert list((tmp_path / "run").iterdir()) == []


def test_the_end_does_not_wait_for_ever_and_a_second_sigterm_or_a_sighup_change_nothing(tmp_path):
    """The generation itself is stopped, so that nothing but the pool's own clock can end it."""
    with running_pool(tmp_path, workers=1, timeout_s=0.2) as pool:
        generation = pool.generation_pid()
        os.kill(generation, signal.SIGSTOP)
        pool.send(signal.SIGTERM)
        eventually(lambda: pool.events("inspectors.stopping"))
        pool.send(signal.SIGHUP)
        assert pool.stop() == 0
        assert not is_alive(generation)
        assert len(pool.events("inspectors.stopping")) == 1
        assert pool.events("inspectors.reload") == []


def test_everything_dies_with_the_pool(tmp_path):
    with running_pool(tmp_path) as pool:
        below = [pool.generation_pid(), *pool.worker_pids()]
        pool.process.kill()
        pool.process.wait()
        eventually(lambda: not any(is_alive(pid) for pid in below))


def test_a_generation_that_dies_is_built_again(tmp_path):
    with running_pool(tmp_path) as pool:
        first, workers = pool.generation_pid(), pool.worker_pids()
        os.kill(first, signal.SIGKILL)
        pool.wait_for(lambda state: state.generation == 2 and state.idle == 2)
        assert not any(is_alive(pid) for pid in (first, *workers))
        assert asyncio.run(ask(pool, b"pid"))
        assert len(pool.events("inspectors.generation-died")) == 1


@pytest.fixture
def outcome(tmp_path):
    """The file that says what the next build does."""
    file = tmp_path / "outcome"
    file.write_text("first")
    return file


def test_sighup_puts_a_fresh_build_in_force_without_losing_a_job(tmp_path, outcome):
    async def run(pool):
        client, answers = pool.client(queue_s=5.0), []
        slow = asyncio.create_task(ask(pool, b"sleep 0.5"))
        await until(pool, lambda state: state.busy)
        outcome.write_text("second")
        pool.send(signal.SIGHUP)
        while not answers or answers[-1] != "second":
            answers.append((await client.inspect(TRANSFER, b"", 0)).path)
        assert await slow == "None"
        return set(answers), await client.ping()

    with running_pool(tmp_path, str(outcome)) as pool:
        old = [pool.generation_pid(), *pool.worker_pids()]
        answers, state = asyncio.run(run(pool))
        assert answers == {"first", "second"}
        assert state.generation == 2
        eventually(lambda: not any(is_alive(pid) for pid in old))
        assert asyncio.run(ask(pool, b"")) == "second"
        assert pool.events("inspectors.died") == []


@pytest.mark.parametrize(
    ("word", "error", "problems"),
    [
        pytest.param("wrong", "ConfigError", 2, id="configuration"),
        pytest.param("broken", "LookupError", 0, id="another error"),
        pytest.param("killed", "killed", 0, id="the build is killed"),
    ],
)
def test_a_build_that_fails_leaves_the_old_one_in_force(tmp_path, outcome, word, error, problems):
    with running_pool(tmp_path, str(outcome)) as pool:
        old = pool.worker_pids()
        outcome.write_text(word)
        pool.send(signal.SIGHUP)
        (failed,) = eventually(lambda: pool.events("inspectors.reload-failed"))
        assert (failed["error"], failed["problems"], failed["keeps"]) == (error, problems, 1)
        pool.wait_for(lambda state: not state.building)
        assert asyncio.run(ask(pool, b"")) == "first"
        assert sorted(pool.worker_pids()) == sorted(old)
        assert [line["problem"] for line in pool.events("inspectors.problem")] == [
            "s.yaml:3: no such key",
            "s.yaml:9: no such key either",
        ][:problems]
        assert b"110105" not in pool.log_file.read_bytes()
        outcome.write_text("second")
        pool.send(signal.SIGHUP)
        pool.wait_for(lambda state: state.generation == 2)
        assert asyncio.run(ask(pool, b"")) == "second"


def test_a_generation_that_dies_and_cannot_be_built_is_tried_again(tmp_path, outcome):
    with running_pool(tmp_path, str(outcome)) as pool:
        outcome.write_text("broken")
        os.kill(pool.generation_pid(), signal.SIGKILL)
        eventually(lambda: len(pool.events("inspectors.reload-failed")) >= 2)
        assert pool.state().workers == 0
        outcome.write_text("second")
        pool.wait_for(lambda state: state.generation == 2 and state.idle == 2)


@pytest.mark.parametrize(
    ("word", "exit_code"),
    [
        pytest.param("wrong", 2, id="configuration"),
        pytest.param("broken", 1, id="another error"),
        pytest.param("killed", 1, id="killed"),
    ],
)
def test_a_first_build_that_fails_stops_the_start(tmp_path, outcome, word, exit_code):
    outcome.write_text(word)
    pool = RunningPool(tmp_path, str(outcome))
    assert pool.process.wait(20) == exit_code
    assert list((tmp_path / "run").iterdir()) == []


def test_a_generation_that_fails_after_its_build_says_where(tmp_path):
    pool = RunningPool(tmp_path, "starved")
    assert pool.process.wait(20) == 1
    (failed,) = pool.events("inspectors.generation-failed")
    assert failed["error"] == "OSError"
    assert failed["at"].startswith("generation.py:")


def test_a_build_that_takes_too_long_is_given_up(tmp_path, outcome):
    with running_pool(tmp_path, str(outcome), build_s=1.5) as pool:
        outcome.write_text("slow")
        pool.send(signal.SIGHUP)
        pool.wait_for(lambda state: state.building)
        (failed,) = eventually(lambda: pool.events("inspectors.reload-failed"))
        assert (failed["error"], failed["keeps"]) == ("killed", 1)
        assert asyncio.run(ask(pool, b"")) == "first"


def test_sigterm_does_not_wait_for_a_build(tmp_path, outcome):
    with running_pool(tmp_path, str(outcome)) as pool:
        outcome.write_text("slow")
        pool.send(signal.SIGHUP)
        pool.wait_for(lambda state: state.building)
        begun = time.monotonic()
        assert pool.stop() == 0
        assert time.monotonic() - begun < 3
        assert pool.events("inspectors.reload-failed") == []


def test_a_socket_that_cannot_be_made_stops_the_start(tmp_path):
    (tmp_path / "run").touch()
    assert RunningPool(tmp_path, "actions").process.wait(20) == 1


def test_the_metrics_say_what_the_pool_does(tmp_path, monkeypatch):
    folder = tmp_path / "metrics"
    folder.mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    with running_pool(tmp_path, timeout_s=0.3) as pool:
        for body in (b"segfault", b"eat", b"loop"):
            asyncio.run(reason_of(pool, body))
        pool.wait_for(lambda state: state.idle == 2)

        def samples():
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
            return {
                (sample.name, *sample.labels.values()): sample.value
                for metric in registry.collect()
                for sample in metric.samples
            }

        wanted = {
            ("sluice_inspectors", "idle"): 2.0,
            ("sluice_inspectors", "busy"): 0.0,
            ("sluice_inspector_restarts_total", "crash"): 1.0,
            ("sluice_inspector_restarts_total", "memory"): 1.0,
            ("sluice_inspector_restarts_total", "timeout"): 1.0,
            ("sluice_sandbox_layers", "seccomp"): 1.0,
            ("sluice_sandbox_layers", "landlock"): 1.0,
        }
        eventually(lambda: wanted.items() <= samples().items())
        assert {file.name.rpartition("_")[2] for file in folder.iterdir()} == {f"{pool.process.pid}.db"}
