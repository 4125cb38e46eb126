"""The demonstration's client: uploads a file through the gateway with Python's own HTTP client."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gateway.demo.samples import Sample

BOUNDARY = "----sluice-demo-form"
TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client saw."""

    status: int
    verdict: str
    """Of `X-Sluice-Verdict`; empty when the service itself answered."""
    incident: str
    message: str
    """The sentence a person would read."""
    seconds: float
    sha256: str
    """Of the body as it was sent, hex."""


def upload(sample: Sample, proxy_port: int, ca: Path) -> Answer:
    """Send the sample as a form with one file, as a browser would."""
    where = urlsplit(sample.url)
    context = ssl.create_default_context(cafile=str(ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    client = http.client.HTTPSConnection("127.0.0.1", proxy_port, context=context, timeout=TIMEOUT_S)
    client.set_tunnel(str(where.hostname), where.port or 443)
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="media"; filename="{sample.name}"\r\n\r\n'
    body = head.encode() + sample.make() + f"\r\n--{BOUNDARY}--\r\n".encode()
    fields = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Accept": "application/json"}
    began = time.monotonic()
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            # A refusal may come while the body is still on its way, and is read all the same.
            client.request("POST", f"{where.path}?{where.query}", body, fields)
        with client.getresponse() as response:
            text = response.read().decode("utf-8", "replace")
            headers = {name.lower(): value for name, value in response.getheaders()}
    finally:
        client.close()
    return Answer(
        response.status,
        headers.get("x-sluice-verdict", ""),
        headers.get("x-sluice-incident", ""),
        message_in(text),
        time.monotonic() - began,
        hashlib.sha256(body).hexdigest(),
    )


def message_in(text: str) -> str:
    """The first sentence for people in a service's JSON answer.

    >>> message_in('{"errcode": 0, "errmsg": "ok"}')
    'ok'
    """
    try:
        found = json.loads(text)
    except ValueError:
        return text
    for key in ("errmsg", "description", "detail", "message", "msg"):
        if isinstance(found, dict) and isinstance(found.get(key), str):
            return str(found[key])
    return text
