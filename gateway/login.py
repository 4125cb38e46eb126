"""How the gateway logs in to the proxy behind it: from the environment or a file, and never shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gateway.errors import StartError

VARIABLE = "SLUICE_UPSTREAM_LOGIN"
"""Environment variable that holds `NAME:PASSWORD`; it goes before the file, and workers alone are given it."""
MAX_BYTES = 4096
"""Longest login that is read; a larger file is some other file."""
_FORM = "needs one line NAME:PASSWORD"


def read_login(path: Path | None, environ: Mapping[str, str]) -> str:
    """`NAME:PASSWORD`, empty when none is set.

    Raises StartError naming the variable or the file, never what is in it.
    """
    if given := environ.get(VARIABLE, ""):
        return _checked(given, VARIABLE)
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode()
    except OSError as error:
        raise StartError(f"{path}: the login cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise StartError(f"{path}: {_FORM} in UTF-8") from None
    return _checked(text.removesuffix("\n").removesuffix("\r"), str(path))


def _checked(login: str, where: str) -> str:
    name, colon, _ = login.partition(":")
    if not name or not colon or len(login.encode()) > MAX_BYTES or not login.isprintable():
        raise StartError(f"{where}: {_FORM}")
    return login
