"""Which conditions sizes decide alone, and what the length of a body says about the one file in it."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.limits import MIB
from gateway.policy.schema import When
from gateway.transfer import Request
from gateway.yamlfile import Where

FORM_OVERHEAD_BYTES = MIB
"""What a form may add to one file: boundaries, part headers, small fields; early refusal only, never the limit itself."""
_HEAD_KEYS = frozenset({"destination", "actor", "channel", "body"})
"""What a condition may ask before a byte of the body is read."""
_SIZE_KEYS = frozenset({"file", "sent", "over_mb"})
_RAW = (1, 1)


def size_limits(when: When) -> tuple[float, ...]:
    """The limits, in MB, of a condition that asks for a size over them and for nothing inspection has to find out.

    Such a condition can only become true by a larger file. Empty for every other condition.
    """
    parts = [inner.part for inner in conditions(when) if inner.part is not None]
    limits = tuple(part.over_mb for part in parts if part.over_mb is not None)
    return limits if len(limits) == len(parts) and _is_size(when) else ()


def is_early(when: When) -> bool:
    """Whether the head of a request tells everything the condition asks but sizes: the region is known later."""
    blocks = (inner.destination for inner in conditions(when))
    return not any(block and (block.region or block.authorised is not None) for block in blocks)


def least_file_bytes(request: Request, body_bytes: int) -> int:
    """The size that the one file of a body of that length has at least, by the kind of body the head declares.

    >>> least_file_bytes(Request(), 1000)
    1000
    >>> least_file_bytes(Request(headers={"content-type": "multipart/form-data; boundary=x"}), 1048676)
    100
    """
    overhead_bytes, (file_part, body_part) = _growth(request)
    return -(-max(0, body_bytes - overhead_bytes) * file_part // body_part)


def least_body_bytes(request: Request, over_bytes: int) -> int:
    """The shortest body whose one file is larger than `over_bytes`, by the same reckoning.

    >>> least_body_bytes(Request(), 1000)
    1001
    """
    overhead_bytes, (file_part, body_part) = _growth(request)
    return overhead_bytes + over_bytes * body_part // file_part + 1


def placed(when: When, where: Where) -> Iterator[tuple[Where, When]]:
    """The condition and all within it, each with its place in the document."""
    yield where, when
    for key, inner in (("all", when.all_of), ("any", when.any_of)):
        for index, one in enumerate(inner):
            yield from placed(one, (*where, key, index))
    if when.negated:
        yield from placed(when.negated, (*where, "not"))


def conditions(when: When) -> Iterator[When]:
    """The condition and all within it."""
    return (inner for _, inner in placed(when, ()))


def _growth(request: Request) -> tuple[int, tuple[int, int]]:
    """Bytes around the file, and how many bytes of file make how many of body."""
    media_type = request.content_type.partition(";")[0].strip().lower()
    if media_type.endswith("json"):
        return FORM_OVERHEAD_BYTES, (3, 4)  # base64
    if media_type == "application/x-www-form-urlencoded":
        return FORM_OVERHEAD_BYTES, (2, 3)  # base64, and its `+`, `/` and `=` as three characters each
    is_encoded = request.headers.get("content-encoding", "").strip().lower() not in {"", "identity"}
    # A content encoding may make what does not compress a little longer.
    return (FORM_OVERHEAD_BYTES if media_type.startswith("multipart/") or is_encoded else 0), _RAW


def _is_size(when: When) -> bool:
    if when.findings or when.sensitive or when.persons or when.known_hash:
        return False
    if when.part is not None and not when.part.model_fields_set <= _SIZE_KEYS:
        return False
    # The size known early is the least, so "not over" proves nothing yet.
    if when.negated is not None and any(not _is_head(inner) for inner in conditions(when.negated)):
        return False
    return all(_is_size(inner) for inner in (*when.all_of, *when.any_of))


def _is_head(when: When) -> bool:
    return when.model_fields_set <= _HEAD_KEYS | {"all_of", "any_of", "negated"}
