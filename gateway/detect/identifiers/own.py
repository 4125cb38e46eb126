"""Credentials that a request carries as its own: a login form in JSON, a token that is handed back to its service."""

from __future__ import annotations

import re

from gateway.detect.detector import Document
from gateway.detect.identifiers.shape import Found

OWN_SHARE = 0.4
"""What is left of the confidence: every web application logs in so, and nothing leaves by it that was not to leave."""
JSON = "json"
"""Path of the piece in which the wire writes a JSON body's values, one a line behind its key."""
_AHEAD_CHARS = 120
_VALUE_OF_A_KEY = re.compile(r"(?:^|(?<!\\)\")[\w.\-\[\]]{0,64}(?:\"?[ ]{0,4}:[ ]{0,4}\"?(?:Bearer )?)?$")
"""Ahead of the place, on its line: the start of the line or a quote that no string escapes, then at most a key."""


def is_own(found: Found, document: Document) -> bool:
    """Whether the place is a key of a request's own JSON, or that key's whole value, and not in a file or a text.

    A password told in a message stands inside a value, behind other words; in a file nobody logs in.
    """
    part = document.part
    if part.depth or part.is_file:
        return False
    start = found.start()
    ahead = found.string[max(0, start - _AHEAD_CHARS) : start].rpartition("\n")[2]
    return (part.path == JSON or '"' in ahead) and _VALUE_OF_A_KEY.search(ahead) is not None
