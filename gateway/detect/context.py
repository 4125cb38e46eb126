"""Words around a match: they decide how likely it is real."""

from __future__ import annotations

from gateway.detect.detector import View
from gateway.detect.signatures import Signature

_AFTER_SHARE = 2
"""The window behind a match is this many times shorter than the one in front."""


def confidence(
    signature: Signature, view: View, start: int, end: int, *, weak: bool = False, share: float = 1
) -> float:
    """Odds that the match at `start` is real: 0 where context is needed and missing, or speaks against it.

    `weak` matches need context whatever the signature's base is; without context, `share` of the base is left.
    """
    words, window = signature.context, signature.context.window_chars
    before = view.text[max(0, start - window) : start].lower()
    after = view.text[end : end + window // _AFTER_SHARE].lower()
    near = words.near_folded
    if any(word in before or word in after for word in near) or any(word in before for word in words.before_folded):
        return signature.confidence.with_context
    header = view.header(above=start).lower()
    if header and any(word in header for word in (*near, *words.before_folded)):
        return signature.confidence.with_context
    if weak or any(word in before for word in words.negative_folded):
        return 0.0
    return signature.confidence.base * share
