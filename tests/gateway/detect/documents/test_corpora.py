"""The whole engine over texts as people send them: what must be found, and what must be left alone."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.detect.catalogue import DETECTORS
from gateway.detect.engine import Detection, Engine
from gateway.detect.signatures import load_signatures
from gateway.detect.tally import Tally
from gateway.detect.yara_rules import YaraDetector, load_yara
from gateway.limits import Limits
from gateway.parts import Part, Text

ROOT = Path(__file__).parents[4]
TODAY = date(2025, 6, 1)
KEPT_OUT = {"secret", "password", "marking", "personal", "account", "contract", "customer-list", "financial"}
"""Classes on which policy refuses; one of them in a benign text is a sender stopped for nothing."""


@cache
def engine() -> Engine:
    """All signatures and all analysts' rules."""
    folders = [str(ROOT / "signatures")]
    rules = load_yara(folders)
    detectors = [detector for detector in DETECTORS if detector.key != YaraDetector.key]
    signatures = [signature for signature in load_signatures(folders) if signature.detector != YaraDetector.key]
    return Engine((*signatures, *rules.signatures.values()), (*detectors, YaraDetector(rules)), limits=Limits())


def detect(entry: dict[str, Any], *, data: bytes | None = None) -> Detection:
    """The engine's answer; `data` stands for a part whose text nobody could take out."""
    own = entry["text"].encode() if data is None else data
    name = entry.get("name", "a.txt")
    texts = (Text(entry["text"]),) if data is None else ()
    part = Part(name, name, len(own), hashlib.sha256(own).hexdigest(), "", "text/plain", own, texts=texts)
    return engine().detect(part, Tally(b"corpora"), today=TODAY)


def corpus(folder: str) -> list[Any]:
    """One parameter per text, its id being file and id."""
    return [
        pytest.param(entry, id=f"{path.stem}-{entry['id']}")
        for path in sorted((ROOT / "tests" / folder).glob("*.toml"))
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["text"]
    ]


GOLDEN, BENIGN = corpus("golden"), corpus("benign")


@pytest.mark.parametrize("entry", GOLDEN)
def test_sensitive_texts_are_found(entry: dict[str, Any]) -> None:
    detection = detect(entry)
    counts = {finding.signature: finding.count for finding in detection.findings}
    assert detection.errors == ()
    assert {name: counts.get(name, 0) for name in entry["expect"]} == entry["expect"]


@pytest.mark.parametrize("entry", BENIGN)
def test_benign_texts_are_left_alone(entry: dict[str, Any]) -> None:
    detection = detect(entry)
    assert detection.errors == ()
    assert [finding.signature for finding in detection.findings if KEPT_OUT.intersection(finding.classes)] == []


@pytest.mark.parametrize("entry", BENIGN)
def test_benign_bytes_are_left_alone(entry: dict[str, Any]) -> None:
    detection = detect(entry, data=entry["text"].encode("gb18030"))
    assert detection.errors == ()
    assert [finding.signature for finding in detection.findings if KEPT_OUT.intersection(finding.classes)] == []


@pytest.mark.parametrize("entry", GOLDEN)
def test_no_finding_shows_a_value(entry: dict[str, Any]) -> None:
    for finding in detect(entry).findings:
        assert len(finding.sample) < 5 or finding.sample not in entry["text"]
        assert "state-secret" not in finding.classes or finding.sample == ""


@pytest.mark.parametrize("entry", GOLDEN)
def test_the_same_bytes_give_the_same_findings(entry: dict[str, Any]) -> None:
    assert detect(entry) == detect(entry)


@pytest.mark.parametrize("entry", GOLDEN)
def test_texts_cut_anywhere_fail_nowhere(entry: dict[str, Any]) -> None:
    text = entry["text"]
    for length in range(0, len(text), max(1, len(text) // 12)):
        assert detect(entry | {"text": text[:length]}).errors == ()
        assert detect(entry | {"text": text[length:]}).errors == ()


FRAGMENTS = sorted({word for param in GOLDEN for word in param.values[0]["text"].split()})


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    st.lists(
        st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=8), st.sampled_from(" \n\t,|:：★【】()")), max_size=60
    )
)
def test_any_mixture_is_judged_without_failing_and_always_alike(pieces: list[str]) -> None:
    entry = {"text": "".join(pieces)}
    assert detect(entry).errors == ()
    assert detect(entry) == detect(entry)


def test_the_corpora_are_large_and_their_texts_distinct(capsys: pytest.CaptureFixture[str]) -> None:
    texts = [param.values[0]["text"] for param in (*GOLDEN, *BENIGN)]
    found = Counter(finding.signature for param in GOLDEN for finding in detect(param.values[0]).findings)
    alone = Counter(finding.signature for param in BENIGN for finding in detect(param.values[0]).findings)
    with capsys.disabled():
        print(f"\ngolden: {len(GOLDEN)} texts, {sum(found.values())} findings of {len(found)} signatures")
        print(f"benign: {len(BENIGN)} texts, {sum(alone.values())} findings: {dict(alone)}")
    assert len(GOLDEN) >= 60
    assert len(BENIGN) >= 150
    assert len(set(texts)) == len(texts)
