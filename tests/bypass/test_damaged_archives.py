"""Archives with bytes changed anywhere: read, or refused for a named reason, and never for long."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.content.types import MediaTypes
from gateway.content.unpack import Budget, unpack
from gateway.limits import MIB, Limits
from gateway.parts import Piece
from tests.samples.archives import (
    ar_bytes,
    cab_bytes,
    cpio_bytes,
    iso_bytes,
    piped,
    seven_zip_by_tool,
    tar_bytes,
    volumes,
)
from tests.samples.rar import rar4_bytes, rar5_bytes

WORDS = "合同编号 13800138000\n".encode() * 40
FILES = {"a.txt": WORDS, "b.bin": bytes(range(256)) * 4, "c.txt": b""}
TYPES = MediaTypes()
LIMITS = Limits(max_members=300, max_unpacked_bytes=16 * MIB)
REASONS = {"", "malformed", "unsupported", "too-large", "encrypted"}
SAMPLES = {
    "7z": seven_zip_by_tool(FILES, "-mhc=off"),
    "7z, BCJ2": seven_zip_by_tool(FILES, "-mhc=off", "-m0=BCJ2", "-m1=LZMA", "-m2=LZMA", "-m3=LZMA"),
    "cab": cab_bytes(FILES, "-z"),
    "iso": iso_bytes(FILES, "-J", "-R")[32_768:],
    "cpio": cpio_bytes(FILES, "newc"),
    "ar": ar_bytes(FILES),
    "lz4": piped(WORDS, "lz4", "-c"),
    "lzip": piped(WORDS, "lzip", "-c"),
    "compress": piped(WORDS, "compress", "-c", "-f"),
    "rar 5": rar5_bytes({"a": False, "b": False}, method=0, content=WORDS, comment=b"note"),
    "rar 4": rar4_bytes({"a": False, "b": False}, method=0x30, content=bytes(20)),
    "volumes": tar_bytes(volumes(FILES, "a.7z", "7z", "a", "-v300b", "a.7z")),
}


def outcome(kind, data):
    """Reads all; the time it took and the reasons."""
    whole = bytes(32_768) + data if kind == "iso" else data
    started = time.process_time()
    parts = list(unpack(Piece(whole, "a.bin"), types=TYPES, limits=LIMITS, budget=Budget()))
    return time.process_time() - started, {part.opaque.reason if part.opaque else "" for part in parts}


@pytest.mark.parametrize("kind", SAMPLES)
def test_samples_are_read(kind):
    took, reasons = outcome(kind, SAMPLES[kind])
    assert took < 5
    assert reasons == {""}


@pytest.mark.parametrize("kind", SAMPLES)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_changed_bytes_end_in_a_reason(kind, data):
    changed = bytearray(SAMPLES[kind])
    near = min(len(changed), 1500) - 1
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.one_of(st.integers(0, near), st.integers(0, len(changed) - 1)))
        changed[at] = data.draw(st.one_of(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]), st.integers(0, 255)))
    took, reasons = outcome(kind, bytes(changed))
    assert took < 10
    assert reasons <= REASONS


@pytest.mark.parametrize("kind", SAMPLES)
def test_cut_off_anywhere(kind):
    whole = SAMPLES[kind]
    for length in range(0, len(whole), max(1, len(whole) // 40)):
        took, reasons = outcome(kind, whole[:length])
        assert took < 10
        assert reasons <= REASONS
