"""What a start looks at first; every trouble is one sentence that names it and says what to do."""

import os
import shutil
import socket
import stat
from pathlib import Path

import certifi
import pytest

from gateway.cli.preflight import LOCK, STATE_FOLDERS, check_port, check_trust, prepare_state
from gateway.errors import StartError
from gateway.settings import Address
from tests.support.disks import mounted
from tests.support.gateway import free_port


@pytest.fixture
def state(tmp_path):
    return tmp_path / "deep" / "state"


def prepared(state: Path) -> None:
    os.close(prepare_state(state))


def test_state_directory_is_made_for_its_owner_alone(state):
    mask = os.umask(0)
    try:
        prepared(state)
    finally:
        os.umask(mask)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert {str(path.relative_to(state)) for path in state.rglob("*") if path.is_dir()} == set(STATE_FOLDERS)
    assert {stat.S_IMODE((state / name).stat().st_mode) for name in STATE_FOLDERS} == {0o700}
    assert (state / LOCK).read_text() == f"{os.getpid()}\n"


def test_what_was_there_stays_but_for_metrics(state):
    prepared(state)
    for name in ("journal/a.jsonl", "sluice.db", "run/metrics/counter_1.db"):
        (state / name).write_bytes(b"x")
    prepared(state)
    assert (state / "journal" / "a.jsonl").exists()
    assert (state / "sluice.db").exists()
    assert list((state / "run" / "metrics").iterdir()) == []


def test_second_gateway_is_refused_and_takes_nothing_away(state):
    lock = prepare_state(state)
    (state / "run" / "metrics" / "counter_1.db").write_bytes(b"x")
    with pytest.raises(StartError) as caught:
        prepare_state(state)
    assert str(caught.value) == (
        f"{state}: another gateway (process {os.getpid()}) uses this state directory; stop it or set another state_dir"
    )
    assert (state / "run" / "metrics" / "counter_1.db").exists()
    os.close(lock)
    prepared(state)


def test_owner_that_has_not_written_its_name_yet(state):
    lock = prepare_state(state)
    os.truncate(lock, 0)
    with pytest.raises(StartError, match="process unknown"):
        prepare_state(state)
    os.close(lock)


def test_refusals_leave_no_descriptor(state):
    lock = prepare_state(state)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(StartError):
        prepare_state(state)
    assert len(os.listdir("/proc/self/fd")) == before
    os.close(lock)


def test_state_below_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StartError) as caught:
        prepare_state(tmp_path / "file" / "state")
    assert str(caught.value) == (
        f"{tmp_path}/file/state: the state directory cannot be written (Not a directory); "
        "set state_dir to a folder that this user may write to"
    )


def test_state_that_became_read_only(tmp_path):
    with mounted(tmp_path / "disk", "ro") as disk, pytest.raises(StartError, match=r"Read-only file system"):
        prepare_state(disk / "state")


def test_metrics_folder_that_cannot_be_emptied(state, monkeypatch):
    prepared(state)

    def fail(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "rmtree", fail)
    with pytest.raises(StartError, match=r"cannot be written \(Permission denied\)"):
        prepare_state(state)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_free_port_stays_free(host):
    address = Address(host, free_port())
    check_port("listen", address)
    check_port("listen", address)


@pytest.mark.parametrize("reuse", [False, True], ids=["alone", "sharing its port"])
def test_port_in_use(reuse):
    """Workers share their port, but with nobody else."""
    with socket.create_server(("127.0.0.1", 0), reuse_port=reuse) as other:
        address = Address("127.0.0.1", other.getsockname()[1])
        with pytest.raises(StartError) as caught:
            check_port("console.listen", address)
    assert str(caught.value) == (
        f"{address}: nothing can listen there (Address already in use); "
        "stop the program that does, or set another address as console.listen"
    )


def test_address_of_another_machine():
    with pytest.raises(StartError) as caught:
        check_port("listen", Address("192.0.2.1", 8080))
    assert str(caught.value) == (
        "192.0.2.1:8080: nothing can listen there (Cannot assign requested address); set another address as listen"
    )


@pytest.fixture
def authority(tmp_path):
    """One real certificate."""
    text = Path(certifi.where()).read_text("ascii")
    path = tmp_path / "ca.pem"
    path.write_text(
        "# ours\n" + text[text.index("-----BEGIN") : text.index("-----END")] + "-----END CERTIFICATE-----\n"
    )
    return path


def test_trusted_certificates_are_fine(authority):
    check_trust([])
    check_trust([authority, authority, Path(certifi.where())])


BROKEN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
NO_LIST = "it is no list of certificates in PEM"


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda text: "", id="empty"),
        pytest.param(lambda text: "hello", id="text"),
        pytest.param(lambda text: BROKEN, id="no certificate inside"),
        pytest.param(lambda text: text + BROKEN, id="second one broken"),
        pytest.param(lambda text: text[: len(text) // 2], id="cut"),
        pytest.param(lambda text: "# 证书\n" + text, id="not ASCII"),
    ],
)
def test_wrong_trusted_certificates(authority, tmp_path, broken):
    wrong = tmp_path / "wrong.pem"
    wrong.write_text(broken(authority.read_text()), "utf-8")
    with pytest.raises(StartError) as caught:
        check_trust([authority, wrong])
    assert str(caught.value) == (
        f"{wrong}: upstream.trusted_ca cannot be used ({NO_LIST}); "
        "give it the CA certificate of your servers as a PEM file, or take it out"
    )


def test_trusted_certificates_that_cannot_be_read(tmp_path):
    with pytest.raises(StartError, match=r"upstream\.trusted_ca cannot be used \(Is a directory\)"):
        check_trust([tmp_path])
