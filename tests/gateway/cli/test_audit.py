"""`sluice audit verify`: the chain holds, or where it breaks."""

import shutil

import pytest

from gateway.records.store import Store
from tests.samples.records import journals, write_journal


@pytest.fixture
def state(folder, config):
    """The state of a gateway that wrote two journals."""
    write_journal(folder / "state" / "journal", [1, 2, 3])
    write_journal(folder / "state" / "journal", [4], worker=1)
    config(state_dir="state")
    return folder / "state"


def test_chain_holds(sluice, state):
    done = sluice("audit", "verify")
    assert (done.code, done.err) == (0, "")
    assert done.lines[-1].endswith(" records in 2 files: the chain holds")


@pytest.mark.parametrize("with_store", [False, True], ids=["journal alone", "with the store's anchors"])
def test_edited_record_is_named(sluice, state, with_store):
    if with_store:
        Store.open(state / "sluice.db").close()
    path = journals(state / "journal")[0]
    path.write_bytes(path.read_bytes().replace(b'"block"', b'"allow"', 1))
    done = sluice("audit", "verify")
    assert done.code == 1
    assert any(path.name in line and ":" in line for line in done.lines)
    assert done.lines[-1].endswith(" files: BROKEN")


def test_torn_end_is_a_note(sluice, state):
    path = journals(state / "journal")[0]
    path.write_bytes(path.read_bytes() + b'{"seq":')
    done = sluice("audit", "verify")
    assert done.code == 0
    assert done.lines[0].startswith(f"note: {path.name}:")
    assert done.lines[1].endswith("the chain holds")


def test_no_journal(sluice, state):
    shutil.rmtree(state / "journal")
    done = sluice("audit", "verify")
    assert (done.code, done.out) == (1, "")
    assert done.err == f"sluice: {state}/journal: there is no journal; has the gateway run with this state_dir?\n"
