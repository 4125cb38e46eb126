"""The gateway's own refusals: each blocks, each has its sentence in both languages, each its own rule."""

import re

import pytest

from gateway.findings import Action
from gateway.policy.builtin import BUILTIN, builtin_verdict

RULES = {
    "identity": "identity.required",
    "private-address": "destination.private",
    "unresolved": "destination.unresolved",
    "host-mismatch": "wire.host-mismatch",
    "malformed-head": "wire.malformed-head",
    "upgrade": "wire.upgrade",
    "websocket-frames": "wire.websocket",
    "trailers": "wire.trailers",
    "unexpected-body": "wire.unexpected-body",
    "unknown-protocol": "wire.unknown-protocol",
    "hidden-dns": "wire.hidden-dns",
    "relay": "wire.relay",
    "bare-address": "wire.bare-address",
    "tls-refused": "wire.tls-refused",
    "tls-unclear": "wire.unclear-destination",
    "body-limit": "limits.body",
    "upload-pieces": "upload.pieces",
    "upload-unknown": "upload.unknown",
    "upload-refused": "upload.refused",
    "upload-changed": "upload.changed",
    "uploads-full": "upload.no-room",
    "spool": "gateway.spool",
    "internal": "gateway.not-inspected",
    "unrecorded": "gateway.not-recorded",
    "draining": "gateway.draining",
}
"""Reason → rule id, which records, metrics and people's filters hold."""


def test_rules_keep_their_names():
    assert {reason: refusal.rule for reason, refusal in BUILTIN.items()} == RULES


@pytest.mark.parametrize("reason", RULES)
def test_every_refusal_blocks_and_speaks_two_languages(reason):
    verdict = builtin_verdict(reason, "digest")
    (ground,) = verdict.grounds
    assert (verdict.action, verdict.policy_digest, verdict.exception) == (Action.BLOCK, "digest", "")
    assert (ground.rule, ground.action, ground.enforced) == (RULES[reason], Action.BLOCK, True)
    for texts in (ground.says, ground.guidance):
        assert re.fullmatch(r"[^。]*[\u4e00-\u9fff][^。]*。(?:[^。]+。)?", texts["zh"])
        assert re.fullmatch(r"[A-Z][^\u4e00-\u9fff]*\.", texts["en"])
    assert ground.because == ground.says["zh"] + ground.says["en"]


@pytest.mark.parametrize(("reason", "is_size"), [("body-limit", True), ("spool", False), ("malformed-head", False)])
def test_only_size_is_told_as_size(reason, is_size):
    assert builtin_verdict(reason, "").grounds[0].is_size is is_size


def test_fact_takes_the_place_of_the_general_reason():
    assert builtin_verdict("body-limit", "", because="9 bytes declared").grounds[0].because == "9 bytes declared"


def test_unknown_reason_is_a_mistake_of_ours():
    with pytest.raises(KeyError):
        builtin_verdict("whim", "")


def test_texts_cannot_be_changed():
    with pytest.raises(TypeError):
        builtin_verdict("spool", "").grounds[0].says["zh"] = ""
