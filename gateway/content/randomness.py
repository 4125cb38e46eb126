"""Whether bytes look like what a cipher gives: a label of encryption is believed only when they do."""

from __future__ import annotations

import re
from collections import Counter

from gateway.transfer import Buffer

SAMPLE_BYTES = 64 * 1024
"""Bytes that are counted; enough to tell deflate from a cipher, 3 ms."""
SMALL_BYTES = 512
"""Below it 256 bins hold too few bytes for a chi-square; then only readable text counts as not random."""
MAX_CHI_SQUARE = 255 + 10 * 22.6
"""Ten standard deviations over the mean of 255 degrees of freedom: no cipher gets there by chance."""
VOLUME_BYTES = 256 * 1024
"""Smallest volume of VeraCrypt is a little larger."""
VOLUME_BLOCK_BYTES = 512
VOLUME_SAMPLES = 8
VOLUME_CHI_SQUARE = 255 + 5 * 22.6
"""Five standard deviations in each of eight samples: one volume in 400 000 is missed; deflate and JPEG do not pass."""
HEADER_WITHIN_BYTES = 64
"""Where a compressed file opens that is passed off as ciphertext, behind salt and verifier at most."""
_HEADER = re.compile(
    rb"PK\x03\x04|%PDF-|7z\xbc\xaf|Rar!\x1a|\xfd7zXZ|BZh[1-9]1AY|\x28\xb5\x2f\xfd|\xd0\xcf\x11\xe0|\x89PNG"
    rb"|\x1f\x8b\x08[\x00\x08].{4}[\x00\x02\x04][\x00\x03\x07\x0a\x0b\x13\xff]",
    re.DOTALL,
)
"""Headers of four bytes or more: ciphertext opens like one of them once in millions of files."""
_READABLE = bytes([9, 10, 13, *range(32, 127)])


def looks_random(data: Buffer) -> bool:
    r"""Whether `data` could be ciphertext; compressed data without a header often could, text, padding and files never.

    >>> import hashlib
    >>> looks_random(b"".join(hashlib.sha256(bytes([n])).digest() for n in range(64)))
    True
    >>> looks_random(b"name, phone, card\n" * 100)
    False
    """
    sample = bytes(data[:SAMPLE_BYTES])
    if _HEADER.search(sample, 0, HEADER_WITHIN_BYTES):
        return False
    if len(sample) < SMALL_BYTES:
        return len(sample.translate(None, _READABLE)) > len(sample) // 8 or len(sample) < 16
    return _chi_square(sample) <= MAX_CHI_SQUARE


def looks_like_volume(data: Buffer) -> bool:
    """Whether `data` without any known header could be an encrypted volume (VeraCrypt, plain dm-crypt).

    Such a volume is whole sectors, uniform everywhere.

    >>> looks_like_volume(bytes(1 << 20))
    False
    """
    if len(data) < VOLUME_BYTES or len(data) % VOLUME_BLOCK_BYTES:
        return False
    step = max(1, (len(data) - SAMPLE_BYTES) // (VOLUME_SAMPLES - 1))
    return all(
        _chi_square(bytes(data[start : start + SAMPLE_BYTES])) <= VOLUME_CHI_SQUARE
        for start in range(0, len(data) - SAMPLE_BYTES + 1, step)
    )


def _chi_square(sample: bytes) -> float:
    expected = len(sample) / 256
    counts = Counter(sample)
    spread = sum((count - expected) ** 2 for count in counts.values()) + (256 - len(counts)) * expected**2
    return spread / expected
