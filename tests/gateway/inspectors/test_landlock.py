from __future__ import annotations

import os
import socket

import pytest

from gateway.inspectors import kernel, landlock
from tests.support.pool import in_thread, open_files


@pytest.fixture
def tree(tmp_path):
    for name in ("open", "closed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    return tmp_path


def restricted(tree, action, *, readable=("open",)):
    """The action's outcome in a thread that may read beneath `readable`."""

    def run():
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        landlock.restrict([str(tree / name) for name in readable])
        try:
            action(tree)
        except OSError as error:
            return type(error).__name__
        return "done"

    return in_thread(run)


ACTIONS = [
    pytest.param(lambda tree: (tree / "open" / "file").read_bytes(), "done", id="read inside"),
    pytest.param(lambda tree: os.listdir(tree / "open"), "done", id="list inside"),
    pytest.param(lambda tree: (tree / "closed" / "file").read_bytes(), "PermissionError", id="read outside"),
    pytest.param(os.listdir, "PermissionError", id="list outside"),
    pytest.param(
        lambda tree: (tree / "open" / ".." / "closed" / "file").read_bytes(), "PermissionError", id="climb out"
    ),
    pytest.param(lambda tree: (tree / "open" / "file").write_bytes(b""), "PermissionError", id="write inside"),
    pytest.param(lambda tree: os.truncate(tree / "open" / "file", 0), "PermissionError", id="truncate inside"),
    pytest.param(lambda tree: (tree / "open" / "new").touch(), "PermissionError", id="create inside"),
    pytest.param(lambda tree: (tree / "open" / "file").unlink(), "PermissionError", id="unlink inside"),
    pytest.param(lambda tree: (tree / "open" / "new").mkdir(), "PermissionError", id="folder inside"),
    pytest.param(
        lambda tree: os.link(tree / "open" / "file", tree / "open" / "b"), "PermissionError", id="link inside"
    ),
    pytest.param(lambda tree: (tree / "open" / "b").symlink_to("file"), "PermissionError", id="symlink inside"),
    pytest.param(lambda tree: os.mkfifo(tree / "open" / "fifo"), "PermissionError", id="pipe inside"),
    pytest.param(lambda _: socket.create_connection(("127.0.0.1", 9)), "PermissionError", id="connect by TCP"),
    pytest.param(lambda _: socket.create_server(("127.0.0.1", 0)), "PermissionError", id="listen by TCP"),
]


@pytest.mark.parametrize(("action", "outcome"), ACTIONS)
def test_only_reading_beneath_the_named_folders_is_left(tree, action, outcome):
    assert restricted(tree, action) == outcome


def test_a_single_file_can_be_named(tree):
    def read(tree):
        (tree / "closed" / "file").read_bytes()

    assert restricted(tree, read, readable=["closed/file"]) == "done"


def test_a_path_that_is_not_there_is_left_out(tree):
    assert restricted(tree, lambda tree: os.listdir(tree / "open"), readable=["nowhere", "open"]) == "done"


def test_other_threads_stay_free_and_nothing_stays_open(tree):
    before = open_files()
    restricted(tree, lambda tree: os.listdir(tree / "open"))
    assert open_files() == before
    assert sorted(os.listdir(tree)) == ["closed", "open"]


def test_without_no_new_privileges_and_rights_it_is_refused(tree):
    def run():
        kernel.drop_capabilities()
        landlock.restrict([str(tree)])

    with pytest.raises(PermissionError):
        in_thread(run)


@pytest.mark.parametrize(
    ("version", "data"),
    [
        pytest.param(1, "ff1f000000000000", id="1: file system"),
        pytest.param(2, "ff3f000000000000", id="2: moving between folders"),
        pytest.param(3, "ff7f000000000000", id="3: truncate"),
        pytest.param(4, "ff7f0000000000000300000000000000", id="4: TCP"),
        pytest.param(5, "ffff0000000000000300000000000000", id="5: device commands"),
        pytest.param(6, "ffff00000000000003000000000000000300000000000000", id="6: scopes"),
        pytest.param(9, "ffff00000000000003000000000000000300000000000000", id="a later one: what is known here"),
    ],
)
def test_ruleset(version, data):
    assert landlock.ruleset(version).hex() == data


def test_abi():
    assert landlock.abi() >= 1
