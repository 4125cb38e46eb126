from __future__ import annotations

import codecs
import os
import signal
import socket
import stat
import sys
import types
from pathlib import Path

import pytest

from gateway.inspectors import kernel, sandbox, seccomp
from gateway.inspectors.sandbox import Layer, Sandbox, readable_paths, separate_network
from tests.support.pool import in_child, in_thread

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
IN_FORCE = dict.fromkeys(Layer, "")


@pytest.fixture
def closed(tmp_path):
    """A folder that other users may not enter: a test must never become nobody with all its threads."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    yield folder
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)


def interfaces():
    return [name for _, name in socket.if_nameindex()]


def test_a_separate_network_has_no_address_to_reach_or_be_reached_at():
    def run():
        why = separate_network()
        with socket.socket() as outside:
            outside.settimeout(1)
            return why, outside.connect_ex(("127.0.0.1", 9))

    if os.geteuid() == 0:
        assert in_thread(run) == ("", 101)  # ENETUNREACH: not even loopback is up
    else:
        assert in_child(run) == ["", 101]


def test_without_privileges_a_user_namespace_is_taken_too():
    codecs.lookup("ascii")  # the other user may not read the library

    def run():
        if os.geteuid() == 0:
            os.setresgid(12345, 12345, 12345)
            os.setresuid(12345, 12345, 12345)
            kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # as a program started by that user is
        return separate_network(), os.geteuid(), os.getegid(), interfaces()

    own = [12345, 12345] if os.geteuid() == 0 else [os.geteuid(), os.getegid()]
    assert in_child(run) == ["", *own, ["lo"]]


def test_a_kernel_without_user_namespaces_is_reported():
    """A thread may not take a user namespace, whatever the kernel."""

    def run():
        kernel.drop_capabilities()
        return separate_network()

    assert in_thread(run) == "user namespace: Invalid argument"


def test_a_kernel_without_network_namespaces_is_reported(monkeypatch):
    monkeypatch.setattr(os, "CLONE_NEWNET", os.CLONE_THREAD)
    assert in_thread(separate_network) == "Invalid argument"


def apply(box):
    return box.apply(os.getppid(), signal.SIGTERM)


def test_all_layers_close_the_thread(closed, tmp_path):
    (tmp_path / "secret").write_text("x")
    box = Sandbox(network="", readable=[str(closed)])

    def run():
        report = apply(box)
        tried = {}
        for name, step in {
            "read": (tmp_path / "secret").read_bytes,
            "list": lambda: len(os.listdir(closed)),
            "socket": socket.socket,
            "fork": os.fork,
        }.items():
            try:
                tried[name] = step()
            except OSError as error:
                tried[name] = type(error).__name__
        return report, tried, kernel.capabilities()

    report, tried, capabilities = in_thread(run)
    missing = {} if os.geteuid() else {Layer.USER: f"{closed} is closed to other users, and code lies in it"}
    assert report == IN_FORCE | missing
    assert tried == {"read": "PermissionError", "list": 0, "socket": "PermissionError", "fork": "PermissionError"}
    assert capabilities == 0


def test_the_report_names_every_layer_that_is_missing(closed, monkeypatch):
    monkeypatch.setattr(seccomp, "pyseccomp", None)
    monkeypatch.setattr(kernel, "PR_SET_NO_NEW_PRIVS", 999)
    box = Sandbox(network="Operation not permitted", readable=[str(closed)])
    report = in_thread(lambda: apply(box))
    assert report.keys() == set(Layer)
    assert report[Layer.NETWORK] == "Operation not permitted"
    assert report[Layer.NO_NEW_PRIVILEGES] == "Invalid argument"
    assert report[Layer.LANDLOCK] == "Operation not permitted"
    assert report[Layer.SECCOMP] == "libseccomp is not installed"


@is_root
def test_root_becomes_nobody_where_nobody_can_read_the_code():
    def run():
        box = Sandbox(network="", readable=["/usr/lib", "/nowhere"])
        report = apply(box)
        return report, os.getresuid(), os.getresgid(), os.getgroups()

    nobody = [65534, 65534, 65534]
    assert in_child(run) == [IN_FORCE, nobody, nobody, []]


def test_an_unprivileged_user_stays_who_it_is():
    def run():
        if os.geteuid() == 0:
            os.setresuid(12345, 12345, 12345)
        before = os.getresuid()
        report = apply(Sandbox(network="", readable=[]))
        return report[Layer.USER], os.getresuid() == before

    assert in_child(run) == ["", True]


@is_root
def test_a_file_closed_to_others_is_named(tmp_path):
    file = tmp_path / "code.py"
    file.touch(mode=0o600)
    assert not stat.S_IMODE(file.stat().st_mode) & 0o4
    assert sandbox._user_problem([str(file)]).startswith(f"{file} is closed")


def test_nobody_is_not_become_where_nobody_could_not_be_ended():
    def run():
        kernel.drop_capabilities()
        return sandbox._user_problem([])

    assert in_thread(run) == "without CAP_KILL an inspector of another user could not be ended"


@is_root
@pytest.mark.parametrize("mode", [0o755, 0o751], ids=oct)
def test_folders_open_to_others_are_no_problem(tmp_path, mode):
    # pytest's own folders are closed, so the walk up is tried from the root
    assert sandbox._user_problem(["/", "/usr", "/nowhere/else"]) == ""
    tmp_path.chmod(mode)
    assert sandbox._is_open_to_all(tmp_path)


def test_what_may_be_read_is_code_and_system_data_and_never_the_working_directory(monkeypatch):
    monkeypatch.syspath_prepend(str(Path.cwd()))
    paths = readable_paths(sys.modules)
    assert str(Path(os.__file__).parent) in paths
    assert str(Path(sandbox.__file__).parents[1]) in paths
    assert "/usr/share/fonts" in paths
    assert str(Path.cwd()) not in paths
    assert not any(Path.cwd().is_relative_to(path) for path in paths)
    assert "/" not in paths
    assert not any(Path(path).name == "var" for path in paths)


def test_modules_are_found_by_their_folders_or_files():
    alone, nothing, below = types.ModuleType("alone"), types.ModuleType("nothing"), types.ModuleType("a.b")
    alone.__file__ = "/somewhere/alone.py"
    below.__file__ = "/elsewhere/b.py"
    paths = readable_paths({"alone": alone, "nothing": nothing, "a.b": below})
    assert "/somewhere/alone.py" in paths
    assert "/elsewhere/b.py" not in paths
