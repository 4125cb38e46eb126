"""What 32 uploads of 50 MB at once add to the resident memory of the whole gateway, whoever is slow."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench import load
from tests.bench.measure import Peak
from tests.bench.proxies import Proxy, sluice
from tests.bench.uploads import Http1, Http2, client
from tests.support.origin import Origin, Seen, default_reply

UPLOADS, ALLOWED_BYTES = 32, 150 * 1000 * 1000
PART_BYTES = 10 * 1024 * 1024
"""Of an upload in pieces."""
SLOW_READ_S = 65536 / 1e6
"""Wait of the slow origin before each 64 KiB: 1 MB/s."""
SLOW_FRAME_S = 16384 / 1e6
"""The same for a frame of HTTP/2."""
ANSWER_BYTES = 16 * 1024 * 1024
"""Answer to a client that does not read it; more than all buffers of the kernel hold."""
TRIES = 3
UNREAD_S = 180.0
"""Longest wait until all uploads whose answers nobody reads have arrived."""
STALL_S = 10.0
"""How long clients keep still before they go."""
BUCKET = "example-bucket.s3.cn-north-1.amazonaws.com.cn"

type Upload = Callable[["Row", Proxy, Origin, int], bool]
"""One client's whole part in a row; whether it went as it should."""


@dataclass(frozen=True)
class Row:
    """One line of the report."""

    kind: str
    """Of the body: `text` or `docx`."""
    version: str
    """`http/1.1` or `h2`."""
    name: str
    upload: Upload
    read_delay_s: float = 0.0
    answer_bytes: int = 0
    together: threading.Barrier = dataclasses.field(default_factory=lambda: threading.Barrier(UPLOADS))
    """Where clients that keep still wait for each other, so that all are open at once."""


@functools.cache
def made(kind: str, *, is_form: bool) -> tuple[str, bytes]:
    """Content-Type and bytes of a body of 50 MB; made once for all clients."""
    if is_form:
        return load.body(kind, "50M")
    return "application/octet-stream", {"text": load.text, "docx": load.docx}[kind](load.SIZES["50M"])


def connect(row: Row, proxy: Proxy, target: str) -> Http1 | Http2:
    return client(row.version, proxy.port, proxy.ca, target)


def whole(row: Row, proxy: Proxy, origin: Origin, _number: int) -> bool:
    """Upload, and read the answer."""
    content_type, data = made(row.kind, is_form=True)
    one = connect(row, proxy, f"localhost:{origin.port}")
    with one.sock:
        return any(sent(one, "POST", "/upload", {"Content-Type": content_type}, data) for _ in range(TRIES))


def sent(one: Http1 | Http2, method: str, path: str, fields: dict[str, str], data: bytes) -> bool:
    """Whether the origin has it; on a crowded machine an upload may wait too long for an inspector and be refused."""
    one.send(method, path, fields, data, len(data))
    return one.status() == 200


def unread(row: Row, proxy: Proxy, origin: Origin, _number: int) -> bool:
    """Upload, and never read the answer."""
    content_type, data = made(row.kind, is_form=True)
    one = connect(row, proxy, f"localhost:{origin.port}")
    with one.sock:
        one.send("POST", "/upload", {"Content-Type": content_type}, data, len(data))
        deadline = time.monotonic() + UNREAD_S
        while sum(seen.complete for seen in origin.requests) < UPLOADS and time.monotonic() < deadline:
            time.sleep(0.5)
        time.sleep(STALL_S)
    return True


def halfway(row: Row, proxy: Proxy, origin: Origin, _number: int) -> bool:
    """Send half of the upload, and no more; nothing of it may arrive."""
    content_type, data = made(row.kind, is_form=True)
    one = connect(row, proxy, f"localhost:{origin.port}")
    with one.sock:
        one.send("POST", "/upload", {"Content-Type": content_type}, data, len(data) // 2)
        row.together.wait(600)
        time.sleep(STALL_S)
    return not origin.requests


def pieces(row: Row, proxy: Proxy, origin: Origin, number: int, *, order: int = 1) -> bool:
    """Upload in parts as to S3, whose last request waits for the verdict over the whole."""
    _, data = made(row.kind, is_form=False)
    one = connect(row, proxy, f"{BUCKET}:443")
    starts = list(enumerate(range(0, len(data), PART_BYTES), 1))
    upload = f"{row.name}-{row.kind}-{row.version}-{number}".replace(" ", "-").replace("/", "-")
    with one.sock:
        for part, start in starts[::order]:
            piece = data[start : start + PART_BYTES]
            if not sent(one, "PUT", f"/notes?partNumber={part}&uploadId={upload}", {}, piece):
                return False
        end = b"<CompleteMultipartUpload/>"
        return sent(one, "POST", f"/notes?uploadId={upload}", {"Content-Type": "application/xml"}, end)


def backwards(row: Row, proxy: Proxy, origin: Origin, number: int) -> bool:
    """The same with the last part first."""
    return pieces(row, proxy, origin, number, order=-1)


def rows() -> list[Row]:
    """All of them, in the order of the report."""
    found = []
    for version, slow_s in (("http/1.1", SLOW_READ_S), ("h2", SLOW_FRAME_S)):
        for kind in ("text", "docx"):
            found += [
                Row(kind, version, "fast origin", whole),
                Row(kind, version, "origin of 1 MB/s", whole, read_delay_s=slow_s),
                Row(kind, version, "clients stop reading", unread, answer_bytes=ANSWER_BYTES),
                Row(kind, version, "clients stop halfway", halfway),
                Row(kind, version, "parts", pieces),
                Row(kind, version, "parts backwards", backwards),
            ]
    return found


def replying(size_bytes: int) -> Callable[[Seen], tuple[int, dict[str, str], bytes]]:
    """An origin's answers: the usual one, or one of that length."""
    large = bytes(size_bytes)
    return (lambda _seen: (200, {"content-type": "application/octet-stream"}, large)) if size_bytes else default_reply


def run(row: Row, proxy: Proxy, origin: Origin) -> bool:
    """Print the row; True when every upload went as it should and memory stayed within the bound."""
    origin.clear()
    origin.read_delay_s, origin.reply = row.read_delay_s, replying(row.answer_bytes)
    fine: list[bool] = []

    def one(number: int) -> None:
        try:
            fine.append(row.upload(row, proxy, origin, number))
        except OSError as error:
            print(f"  {row.name}: {type(error).__name__}", flush=True)

    for is_form in (True, False):
        made(row.kind, is_form=is_form)
    threads = [threading.Thread(target=one, args=(number,)) for number in range(UPLOADS)]
    with Peak(proxy.pid) as peak:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    passed = sum(fine) == UPLOADS and peak.growth_bytes <= ALLOWED_BYTES
    print(
        f"{row.kind:>5} {row.version:<8} {row.name:<21} {UPLOADS} × 50 MB at once: {sum(fine)} as they should, "
        f"peak RSS of the tree +{peak.growth_bytes / 1e6:.0f} MB "
        f"({', '.join(f'{name} {size / 1e6:+.0f}' for name, size in peak.parts().items())}) "
        f"{'pass' if passed else 'FAIL'} (allowed +{ALLOWED_BYTES / 1e6:.0f} MB)",
        flush=True,
    )
    return passed


def memory(only: str = "") -> bool:
    """Print all rows, each from a fresh idle gateway; True when all pass. `only` is part of what a row prints."""
    wanted = [row for row in rows() if only in f"{row.kind} {row.version} {row.name}"]
    results = []
    for row in wanted:
        with (
            tempfile.TemporaryDirectory() as name,
            Origin(Path(name), names=("localhost", BUCKET), alpn=("h2", "http/1.1")) as origin,
            sluice(
                Path(name) / "gateway",
                origin,
                http2=True,
                upstream={
                    "trusted_ca": [str(origin.ca)],
                    "connect_to": {
                        f"{host}:{port}": f"127.0.0.1:{origin.port}"
                        for host, port in (("localhost", origin.port), (BUCKET, 443))
                    },
                },
            ) as proxy,
        ):
            results.append(run(row, proxy, origin))
    return all(results)
