"""What a request's own head says of an upload in several requests, where the catalogue says nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from gateway.destinations.match import loose_query
from gateway.destinations.split import Split
from gateway.transfer import Request, Transfer
from gateway.uploads.plan import BY_RANGE

UPLOADING = frozenset({"PUT", "PATCH", "POST"})
"""Methods that carry pieces."""
MESSAGES = ("application/json", "application/x-www-form-urlencoded")
"""Types of messages: a POST of one goes to no URL that was given out for bytes, and none is looked up."""
UNFOLLOWED = Split(step="piece")
"""The step of a piece whose upload no place names."""

_ALL = re.compile(r"bytes[ =]0-([0-9]{1,15})/([0-9]{1,15})")


def split_of(transfer: Transfer, split: Split | None) -> Split | None:
    """The step of a request, with what its head says beside the catalogue's word; None when it is none."""
    request = transfer.request
    is_ranged = "content-range" in request.headers
    if (split is None or split.step == "whole") and is_numbered(request.query):
        # Of what an endpoint for whole files takes in blocks, each would be judged as a file of its own.
        return UNFOLLOWED
    if split is None:
        if carries_all(request):
            return None
        if is_ranged and request.method.upper() in UPLOADING:
            return BY_RANGE
        # The catalogue knows that it is a piece, and of what nobody can tell.
        return UNFOLLOWED if transfer.destination.kind == "part" else None
    if split.step == "chunk" and split.order == "range" and not is_ranged:
        return replace(split, step="whole", order="", answer="")
    return split


def is_numbered(query: str) -> bool:
    """Whether the query makes the body a block of an object, or names its blocks, as object stores have it.

    S3 and its like, Azure, and calls that append (OSS, COS, OBS, TOS).

    >>> is_numbered("comp=block&blockid=MQ%3D%3D"), is_numbered("comp=properties")
    (True, False)
    """
    if "=" not in query:
        return False
    pairs = {
        name.lower(): value.lower() for name, _, value in (one.partition("=") for one in loose_query(query).split("&"))
    }
    return (
        {"partnumber", "uploadid"} <= pairs.keys()
        or pairs.get("comp", "") in {"block", "blocklist", "appendblock", "page", "range"}
        or ("append" in pairs and not pairs.keys().isdisjoint({"position", "offset"}))
    )


def carries_all(request: Request) -> bool:
    """Whether the fields of a piece say that it is the only one, and nothing that it is not.

    Content-Range, Google's web pages, NetEase mail.
    """
    if "content-range" in request.headers:
        found = _ALL.fullmatch(request.headers["content-range"].strip().lower())
        return found is not None and int(found[1]) + 1 == int(found[2]) == request.bytes
    return _says_all(request.headers)


def _says_all(headers: Mapping[str, str]) -> bool:
    google = (headers.get("x-goog-upload-offset"), "finalize" in headers.get("x-goog-upload-command", ""))
    size = headers.get("mail-upload-size", "")
    netease = (headers.get("mail-upload-offset"), size != "" and headers.get("mail-upload-length") == size)
    return ("0", True) in {google, netease}


def may_be_linked(transfer: Transfer) -> bool:
    """Whether the request could go to a URL that a service gave out for the bytes of a file."""
    request = transfer.request
    if request.method not in UPLOADING or not request.bytes or transfer.destination.kind in {"message", "mail"}:
        return False
    return request.method != "POST" or not request.content_type.lower().startswith(MESSAGES)
