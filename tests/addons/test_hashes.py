"""Digests sent in place of bytes, with a real index."""

from __future__ import annotations

from dataclasses import replace

import pytest

from addons.hashes import Hashes
from addons.held import Held
from addons.kept import Kept
from addons.steps import Ruling
from gateway.destinations.facts import Facts as Places
from gateway.findings import Action, Inspection, PartReport, Verdict
from gateway.policy.load import load_policy
from gateway.spool import Spool
from gateway.transfer import Actor, Channel, Destination, Request, Transfer
from gateway.uploads.hashes import HashIndex
from gateway.uploads.store import UploadStore
from metrics import catalogue as metrics
from tests.samples.policies import policy, rule

POLICY = load_policy(None)
ASKS = policy(rule(when={"known_hash": "unknown"}))
BLOCK, PASS = Verdict(Action.BLOCK), Verdict(Action.LOG)


@pytest.fixture
def hashes(tmp_path):
    kept = Kept(UploadStore(tmp_path, max_stored_bytes=9, max_uploads=9, keep_s=9))
    made = Hashes(HashIndex(tmp_path), kept)
    yield made
    kept.close()
    made.index.close()


def transfer(kind: str = "") -> Transfer:
    destination = Destination("up.example.com", service="svc", kind=kind)
    return Transfer("t-1", "2026-12-01T00:00:00Z", Actor(), destination, Channel.HTTP1, Request(bytes=1))


MD5 = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("kind", "values", "under", "word"),
    [
        pytest.param("file", {}, POLICY, "none", id="no hash"),
        pytest.param("rapid", {}, POLICY, "unknown", id="a call that is all hash"),
        pytest.param("init", {"json:md5": (MD5,)}, POLICY, "unknown", id="nobody asks the index"),
        pytest.param("init", {"json:md5": (MD5,)}, ASKS, "seen", id="seen"),
        pytest.param("init", {"json:md5": (MD5, "f" * 32)}, ASKS, "unknown", id="the least known of two"),
        pytest.param("init", {"json:md5": ("no hash",)}, ASKS, "unknown", id="no digest"),
    ],
)
async def test_what_is_known_of_a_hash(hashes, tmp_path, kind, values, under, word):
    hashes.index.remember("seen", "a" * 64, MD5, "b" * 40, 1, 0.0)
    held = Held(spool=Spool(str(tmp_path)), max_body_bytes=9, where=Places(hashes=("json:md5",)))
    found = await hashes.known(held, transfer(kind=kind), Inspection(values=values), under)
    assert found.known_hash == word


async def test_a_call_without_a_body_may_be_one(hashes, tmp_path):
    held = Held(spool=Spool(str(tmp_path)), max_body_bytes=9, bare=True)
    assert (await hashes.known(held, transfer(kind="rapid"), Inspection(), POLICY)).known_hash == "unknown"


@pytest.mark.parametrize(("verdict", "word"), [(PASS, "seen"), (BLOCK, "protected")])
async def test_files_are_remembered_when_policy_asks(hashes, verdict, word):
    part = PartReport("a", "a", 1, "a" * 64, "", "", is_file=True, md5=MD5, sha1="b" * 40)
    inner = replace(part, sha256="c" * 64, md5="d" * 32, depth=1)
    ruling = Ruling(transfer(), Inspection(parts=(part, inner)), verdict)
    await hashes.remember(ruling, POLICY, 0.0)
    assert hashes.index.lookup("md5", MD5) == ""
    await hashes.remember(ruling, ASKS, 0.0)
    assert (hashes.index.lookup("md5", MD5), hashes.index.lookup("md5", "d" * 32)) == (word, "")


def failures() -> float:
    return metrics.FAILURES.labels(part="uploads")._value.get()


async def test_a_digest_that_cannot_be_noted_is_counted(hashes, tmp_path):
    part = PartReport("a", "a", 1, "a" * 64, "", "", is_file=True, md5=MD5, sha1="b" * 40)
    before = failures()
    hashes.index.close()
    (tmp_path / "hashes.db").unlink()
    await hashes.remember(Ruling(transfer(), Inspection(parts=(part,)), PASS), ASKS, 0.0)
    assert failures() == before + 1
