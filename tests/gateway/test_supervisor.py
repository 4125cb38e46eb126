"""The supervisor over small programs: start, failures at the start, replacement, reload, drain, descriptors."""

import os
import signal
import socket
import sys
import threading

import pytest
import structlog

from gateway import process, supervisor
from gateway.errors import StartError
from gateway.fleet import keeps_dying
from gateway.process import Child
from gateway.settings import Address, Settings
from gateway.supervisor import STOP_ORDER, STOP_S, Supervisor, connectable, plan, serve_metrics
from metrics.catalogue import POLICY_RELOAD_FAILURES, PROCESS_RESTARTS
from tests.support.gateway import free_port
from tests.support.pool import is_alive
from tests.support.waiting import eventually

READY = 'echo 1 >"/proc/self/fd/$1"; '
"""For a shell that is called with `--ready-fd N`."""
SLEEP = "exec sleep 60"
LISTEN_UNIX = "import socket,sys,time; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); time.sleep(60)"
LISTEN_TCP = "import socket,sys,time; s=socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(60)"
NOTHING_WRONG = ("true",)


def worker(script=READY + SLEEP) -> Child:
    return Child("worker", ("sh", "-c", script), says_ready=True)


def shell(kind: str, script: str = SLEEP) -> Child:
    return Child(kind, ("sh", "-c", script))


@pytest.fixture
def logs():
    with structlog.testing.capture_logs() as logs:
        yield logs


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Ports that are free; the metrics of these tests go nowhere."""
    (tmp_path / "run" / "metrics").mkdir(parents=True)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "run" / "metrics"))
    monkeypatch.setattr(process, "BRAKE_S", (0.0,))
    given = {key: {"listen": f"127.0.0.1:{free_port()}"} for key in ("metrics", "console")}
    return Settings.model_validate({"state_dir": str(tmp_path), "workers": 2, **given})


class Run:
    """A supervisor in this thread, and what is done to it in another, which ends it with SIGTERM."""

    def __init__(self, settings, children, check_argv=NOTHING_WRONG):
        self.announced = threading.Event()
        self.supervisor = Supervisor(settings, children, check_argv=check_argv, announce=self.announced.set)
        self.children = children
        self.failures = []

    def __call__(self, act=None) -> int:
        """The exit code, after `act` was carried out on the running gateway; without it nobody ends the run."""
        thread = threading.Thread(target=self._act, args=(act,))
        if act is not None:
            thread.start()
        try:
            return self.supervisor.run()
        finally:
            if act is not None:
                thread.join()
            assert self.failures == []
            assert not [child for child in self.children if child.is_running]

    def _act(self, act):
        try:
            assert self.announced.wait(20)
            act()
        except BaseException as error:  # noqa: BLE001 - shown in the test's thread
            self.failures.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    def pid(self, index) -> int:
        return self.children[index].process.pid

    def kill_and_wait(self, index) -> int:
        """The process id of the replacement."""
        old = self.pid(index)
        os.kill(old, signal.SIGKILL)

        def replaced():
            process = self.children[index].process
            return process is not None and process.pid != old and process.pid

        return eventually(replaced)


def restarts(kind: str) -> float:
    return PROCESS_RESTARTS.labels(kind=kind)._value.get()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_plan_of_a_gateway():
    settings = Settings.model_validate({"workers": 2})
    children = plan(settings, "my.yaml")
    assert [(child.kind, *child.argv[1:], child.says_ready) for child in children] == [
        ("inspectors", "-m", "gateway.inspectors", "--config", "my.yaml", False),
        ("recorder", "-m", "gateway.records", "--config", "my.yaml", False),
        ("worker", "-O", "-m", "addons", "--slot", "0", "--config", "my.yaml", True),
        ("worker", "-O", "-m", "addons", "--slot", "1", "--config", "my.yaml", True),
        ("console", "-m", "gateway.console", "--config", "my.yaml", False),
    ]
    assert {child.argv[0] for child in children} == {sys.executable}
    assert {kind for kinds in STOP_ORDER for kind in kinds} == set(STOP_S) == {child.kind for child in children}


def test_plan_of_the_embedded_default():
    children = plan(Settings(), None)
    assert children[0].argv[1:] == ("-m", "gateway.inspectors")
    assert len(children) == len(os.sched_getaffinity(0)) + 3


def test_everything_is_up_before_it_is_announced(settings, tmp_path):
    """Inspectors listen on their control socket, the worker says so, the console's port is open."""
    control, port = tmp_path / "run" / "inspectors.control", settings.console.listen.port
    children = [
        Child("inspectors", (sys.executable, "-c", LISTEN_UNIX, str(control))),
        shell("recorder"),
        worker(),
        worker(),
        Child("console", (sys.executable, "-c", LISTEN_TCP, str(port))),
    ]
    run = Run(settings, children)

    def act():
        assert [child.is_ready for child in children] == [True, False, True, True, True]
        assert connectable(control)
        assert connectable(settings.console.listen)

    before = open_files()
    assert run(act) == 0
    assert open_files() == before


@pytest.mark.parametrize("kind", ["worker", "recorder"])
def test_what_dies_is_replaced_and_counted(settings, logs, kind):
    run = Run(settings, [shell("recorder"), worker()])
    index, before = ["recorder", "worker"].index(kind), restarts(kind)

    def act():
        assert is_alive(run.kill_and_wait(index))

    assert run(act) == 0
    assert restarts(kind) == before + 1
    told = [line for line in logs if line["event"] == "process died, starting it again"]
    assert [(line["kind"], line["exit"]) for line in told] == [(kind, -9)]


def test_twenty_restarts_leak_no_descriptor(settings):
    run = Run(settings, [shell("recorder"), worker()])
    counts = []

    def act():
        for _ in range(20):
            run.kill_and_wait(1)
            eventually(lambda: run.children[1].is_ready)
            counts.append(open_files())

    assert run(act) == 0
    assert max(counts) <= counts[0]


def test_brake_holds_a_process_that_keeps_dying(settings, monkeypatch):
    monkeypatch.setattr(process, "BRAKE_S", (0.0, 60.0))
    run = Run(settings, [shell("recorder"), worker()])

    def act():
        os.kill(run.pid(0), signal.SIGKILL)
        eventually(lambda: run.children[0].process is None)
        assert run.supervisor.pause_s(run.children[0].start_at - 0.5) == 0.5
        assert run.supervisor.pause_s(run.children[0].start_at - 30) == supervisor.WATCH_S

    assert run(act) == 0
    assert run.children[0].process is None


def test_process_in_a_crash_loop_is_counted_and_told(settings, tmp_path, monkeypatch):
    """The counter rises with each death, /readyz names the kind, and both end when the process stays."""
    monkeypatch.setattr(process, "BRAKE_S", (0.0, 0.0, 0.01))
    run = Run(settings, [shell("recorder"), worker()])
    before = restarts("recorder")

    def act():
        run.children[0].argv = ("sh", "-c", f"[ -e {tmp_path}/mended ] && exec sleep 60; exit 1")
        os.kill(run.pid(0), signal.SIGKILL)
        eventually(lambda: keeps_dying(tmp_path) == "processes that keep dying: 1 recorder; the log says why")
        assert restarts("recorder") >= before + process.LOOPING
        assert is_alive(run.pid(1))
        (tmp_path / "mended").touch()
        eventually(lambda: run.children[0].is_running)
        monkeypatch.setattr(process, "STEADY_S", 0.0)
        eventually(lambda: keeps_dying(tmp_path) == "")

    assert run(act) == 0


def test_start_that_fails_later_is_tried_again(settings, logs):
    run = Run(settings, [shell("recorder"), worker()])

    def act():
        run.children[0].argv = ("/nowhere/such-a-program",)
        os.kill(run.pid(0), signal.SIGKILL)
        eventually(lambda: [line for line in logs if line["event"] == "process could not be started"])
        run.children[0].argv = ("sleep", "60")
        eventually(lambda: run.children[0].is_running)

    assert run(act) == 0


def test_program_that_is_not_there_at_the_start(settings):
    run = Run(settings, [Child("recorder", ("/nowhere/such-a-program",)), worker()])
    with pytest.raises(StartError, match=r"^the recorder cannot be started: No such file or directory$"):
        run()


@pytest.mark.parametrize(
    ("children", "code", "said"),
    [
        pytest.param([shell("recorder", "exit 1"), worker("sleep 60")], 1, [], id="it has said why"),
        pytest.param([shell("recorder"), worker("exit 0")], 1, [], id="worker that ends fine ends too soon"),
        pytest.param(
            [shell("recorder"), worker("kill -9 $$")],
            1,
            [{"kind": "worker", "signal": 9, "event": "a process was killed while it started", "log_level": "error"}],
            id="killed",
        ),
        pytest.param([shell("recorder"), worker(), shell("console", "exit 1")], 1, [], id="console"),
    ],
)
def test_process_that_gives_up_at_the_start(settings, logs, children, code, said):
    run = Run(settings, children)
    assert run() == code
    assert not run.announced.is_set()
    assert [line for line in logs if "killed while" in line["event"]] == said


def test_wrong_configuration_is_told_in_full(settings, capfd):
    check = ("sh", "-c", "echo 'policy.yaml:7: what is wrong' >&2; exit 2")
    assert Run(settings, [shell("recorder", "exit 2"), worker("sleep 60")], check)() == 2
    assert capfd.readouterr().err == "policy.yaml:7: what is wrong\n"


@pytest.mark.parametrize(
    ("children", "late"),
    [
        pytest.param([shell("recorder"), worker("sleep 60")], "worker", id="worker"),
        pytest.param([shell("inspectors"), worker()], "inspectors", id="inspectors"),
        pytest.param([worker(), shell("console")], "console", id="console"),
    ],
)
def test_process_that_is_not_ready_in_time(settings, monkeypatch, children, late):
    monkeypatch.setattr(supervisor, "READY_S", 0.2)
    with pytest.raises(StartError, match=f"^the {late} was not ready within 0 s; is the machine overloaded"):
        Run(settings, children)()


def test_ctrl_c_during_the_start(settings):
    run = Run(settings, [shell("recorder"), worker("sleep 60")])
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    assert run() == 0
    assert not run.announced.is_set()


WAIT = "while :; do sleep 0.05; done"


def test_reload_goes_to_workers_and_inspectors_once_the_check_is_fine(settings, tmp_path, logs):
    def told(kind: str) -> str:
        return f'trap "echo {kind} >>{tmp_path}/told" HUP; '

    check = ("sh", "-c", f"echo x >>{tmp_path}/checks; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done")
    children = [shell("recorder", told("recorder") + WAIT), worker(told("worker") + READY + WAIT)]
    run = Run(settings, children, check)

    def act():
        os.kill(os.getpid(), signal.SIGHUP)
        eventually((tmp_path / "checks").exists)
        # While the check runs, what dies is replaced, and a second reload waits for its turn.
        run.kill_and_wait(0)
        os.kill(os.getpid(), signal.SIGHUP)
        assert not (tmp_path / "told").exists()
        (tmp_path / "go").touch()
        eventually(lambda: [line["event"] for line in logs].count("reload asked of all workers and inspectors") == 2)
        eventually((tmp_path / "told").exists)

    assert run(act) == 0
    assert (tmp_path / "checks").read_text() == "x\nx\n"
    assert set((tmp_path / "told").read_text().split()) == {"worker"}


def test_reload_of_a_wrong_configuration_is_refused(settings, tmp_path, logs):
    problems = "".join(f"policy.yaml:{line}: wrong\\n" for line in range(1, 201))
    check = ("sh", "-c", f"printf '{problems}' >&2; exit 2")
    run = Run(settings, [shell("recorder"), worker(f"trap 'touch {tmp_path}/told' HUP; " + READY + WAIT)], check)
    before = POLICY_RELOAD_FAILURES._value.get()

    def act():
        os.kill(os.getpid(), signal.SIGHUP)
        eventually(lambda: POLICY_RELOAD_FAILURES._value.get() == before + 1)

    assert run(act) == 0
    (line,) = [line for line in logs if line["event"] == "not reloaded; everything stays as it was"]
    assert (line["problems"][0], len(line["problems"])) == ("policy.yaml:1: wrong", 100)
    assert not (tmp_path / "told").exists()


def test_a_reload_keeps_what_its_check_found_right(settings, tmp_path):
    run = Run(settings, [shell("recorder"), worker()], ("false",))
    run.supervisor.reload_argv = ("touch", str(tmp_path / "kept"))

    def act():
        os.kill(os.getpid(), signal.SIGHUP)
        eventually((tmp_path / "kept").exists)

    assert run(act) == 0


def test_end_in_the_middle_of_a_check(settings):
    before = POLICY_RELOAD_FAILURES._value.get()
    run = Run(settings, [shell("recorder"), worker()], ("sleep", "60"))

    def act():
        os.kill(os.getpid(), signal.SIGHUP)
        eventually(lambda: run.supervisor.checking is not None)

    files = open_files()
    assert run(act) == 0
    assert run.supervisor.checking.returncode == -signal.SIGKILL
    assert POLICY_RELOAD_FAILURES._value.get() == before
    assert open_files() == files


def test_workers_end_first_and_the_recorder_last(settings, tmp_path):
    def tells(kind: str) -> str:
        return f'trap "echo {kind} >>{tmp_path}/order; exit 0" TERM; '

    children = [
        shell("recorder", tells("recorder") + WAIT),
        worker(tells("worker") + READY + WAIT),
        worker(tells("worker") + READY + WAIT),
    ]
    assert Run(settings, children)(lambda: eventually(lambda: children[2].is_ready)) == 0
    assert (tmp_path / "order").read_text() == "worker\nworker\nrecorder\n"


def test_what_does_not_end_in_time_is_killed(settings, monkeypatch, logs):
    monkeypatch.setattr(supervisor, "STOP_S", STOP_S | {"worker": 0.2})
    run = Run(settings, [shell("recorder"), worker("trap '' TERM; " + READY + WAIT)])
    assert run(lambda: None) == 0
    assert [line["kind"] for line in logs if line["event"] == "process did not stop in time, killed"] == ["worker"]


def test_second_ctrl_c_hurries(settings, logs):
    run = Run(settings, [shell("recorder"), worker("trap '' TERM; " + READY + WAIT)])

    def act():
        os.kill(os.getpid(), signal.SIGINT)
        eventually(lambda: run.supervisor.stopping)
        os.kill(os.getpid(), signal.SIGINT)
        eventually(lambda: run.supervisor.hurrying)

    assert run(act) == 0


def test_exporter_that_cannot_listen(settings):
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(StartError, match=r"set another metrics\.listen"),
    ):
        serve_metrics(Address("127.0.0.1", other.getsockname()[1]))


def test_nobody_listens(tmp_path):
    assert not connectable(tmp_path / "none.sock")
    assert not connectable(Address("127.0.0.1", free_port()))


def test_signals_are_as_before(settings):
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)]
    assert Run(settings, [worker()])(lambda: None) == 0
    assert before == [
        signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
    ]
