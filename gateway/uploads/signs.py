"""What a request's own head says of an upload in several requests, where the catalogue says nothing."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.transfer import Transfer

UPLOADING = frozenset({"PUT", "PATCH", "POST"})
"""Methods that carry pieces."""
MESSAGES = ("application/json", "application/x-www-form-urlencoded")
"""Types of messages: a POST of one goes to no URL that was given out for bytes, and none is looked up."""


def carries_all(headers: Mapping[str, str]) -> bool:
    """Whether the fields of a piece say that it is the only one (Google's web pages, NetEase mail)."""
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
