from __future__ import annotations

import os
import socket
import stat

import pytest

from gateway.errors import StartError
from gateway.inspectors.sockets import Sockets, control_path, reachable


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def connectable(path):
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


def test_sockets_get_their_names_when_published_and_lose_them_when_closed(tmp_path):
    path = tmp_path / "run" / "i.sock"
    sockets = Sockets(str(path))
    sockets.open()
    assert not path.exists()
    sockets.publish()
    sockets.publish()
    assert names(path.parent) == ["i.control", "i.sock"]
    assert connectable(path)
    assert connectable(control_path(str(path)))
    sockets.close()
    sockets.close()
    assert names(path.parent) == []


def test_only_the_owner_may_connect(tmp_path):
    path = tmp_path / "run" / "i.sock"
    sockets = Sockets(str(path))
    mask = os.umask(0)
    try:
        sockets.open()
        sockets.publish()
    finally:
        os.umask(mask)
    modes = [stat.S_IMODE(entry.stat().st_mode) for entry in (path.parent, path, path.parent / "i.control")]
    sockets.close()
    assert modes == [0o700, 0o600, 0o600]


def test_what_an_earlier_pool_left_is_replaced(tmp_path):
    path = tmp_path / "i.sock"
    path.touch()
    (tmp_path / f"i.sock.{os.getpid()}").touch()
    sockets = Sockets(str(path))
    sockets.open()
    sockets.publish()
    assert connectable(path)
    sockets.close()


def test_the_socket_of_a_newer_pool_stays(tmp_path):
    old, new = Sockets(str(tmp_path / "i.sock")), Sockets(str(tmp_path / "i.sock"))
    old.open()
    old.publish()
    new.open()
    new.publish()
    old.close()
    assert names(tmp_path) == ["i.control", "i.sock"]
    assert connectable(tmp_path / "i.sock")
    new.close()


def test_closing_unpublished_sockets_leaves_nothing(tmp_path):
    sockets = Sockets(str(tmp_path / "i.sock"))
    sockets.open()
    sockets.close()
    assert names(tmp_path) == []


def test_a_path_longer_than_an_address_is_reached_through_its_folder(tmp_path):
    folder = tmp_path / ("deep" * 30)
    path = folder / "i.sock"
    sockets = Sockets(str(path))
    sockets.open()
    sockets.publish()
    try:
        assert names(folder) == ["i.control", "i.sock"]
        with reachable(str(path)) as name, socket.socket(socket.AF_UNIX) as client:
            assert len(name) < 60
            client.connect(name)
    finally:
        sockets.close()
    assert names(folder) == []


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(StartError, match="the socket cannot be made: File exists"):
        Sockets(str(tmp_path / "run" / "i.sock")).open()
