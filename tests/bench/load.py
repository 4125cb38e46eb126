"""Bodies, and a client that pushes them through a proxy over kept-alive tunnels. Loopback only, bounded in count."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import random
import ssl
import sys
import threading
import zipfile
from pathlib import Path

from gateway.limits import KIB, MIB

SIZES = {"1K": KIB, "1M": MIB, "10M": 10 * MIB, "50M": 50 * MIB}
WORDS = [
    "river",
    "window",
    "market",
    "paper",
    "engine",
    "silver",
    "garden",
    "planet",
    "summer",
    "coffee",
    "button",
    "travel",
    "doctor",
    "museum",
    "yellow",
    "finger",
    "bridge",
    "forest",
    "circle",
    "people",
    "budget",
    "client",
    "vendor",
    "office",
    "server",
    "letter",
    "number",
    "会议",
    "天气",
    "项目",
    "进度",
    "安排",
    "产品",
    "设计",
    "活动",
]
BOUNDARY = "----bench7MA4YWxkTrZu0gW"


def text(size_bytes: int) -> bytes:
    """Prose without anything to find, a fifth of it Chinese."""
    rng = random.Random(size_bytes)
    block = "".join(" ".join(rng.choices(WORDS, k=12)) + ".\n" for _ in range(6000)).encode()
    whole = block * (size_bytes // len(block) + 1)
    # Cut at a line, so that no character is split.
    return whole[: whole.rindex(b"\n", 0, size_bytes) + 1]


def docx(size_bytes: int) -> bytes:
    """A document whose text is a quarter of it and whose picture is the rest."""
    rng = random.Random(size_bytes)
    lines = text(max(size_bytes // 4, 2000)).decode().splitlines()
    body = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in lines)
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    package = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" '
            'ContentType="application/xml"/><Default Extension="png" ContentType="image/png"/>'
            f'<Override PartName="/word/document.xml" ContentType="{package}"/></Types>',
        )
        archive.writestr("word/document.xml", f"<w:document {space}><w:body>{body}</w:body></w:document>")
        picture = b"\x89PNG\r\n\x1a\n" + rng.randbytes(max(0, size_bytes - buffer.tell() - 1000))
        archive.writestr(zipfile.ZipInfo("word/media/image1.png"), picture, zipfile.ZIP_STORED)
    return buffer.getvalue()


def body(kind: str, size: str) -> tuple[str, bytes]:
    """Content-Type and bytes of a request: a JSON message, or a form with one file."""
    size_bytes = SIZES[size]
    if kind == "json":
        return "application/json", json.dumps({"text": text(size_bytes - 40).decode()}, ensure_ascii=False).encode()
    name, data = {"text": ("notes.txt", text), "docx": ("report.docx", docx)}[kind]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return f"multipart/form-data; boundary={BOUNDARY}", head.encode() + data(
        size_bytes
    ) + f"\r\n--{BOUNDARY}--\r\n".encode()


def push(proxy_port: int, ca: Path, origin_port: int, kind: str, size: str, *, count: int, at_once: int) -> int:
    """Send `count` requests; returns how many arrived byte-exact."""
    content_type, data = body(kind, size)
    digest = hashlib.sha256(data).hexdigest()
    context = ssl.create_default_context(cafile=str(ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    left, exact, lock = [count], [0], threading.Lock()

    def one() -> None:
        client = http.client.HTTPSConnection("127.0.0.1", proxy_port, context=context, timeout=300)
        client.set_tunnel("localhost", origin_port)
        try:
            while True:
                with lock:
                    if not left[0]:
                        return
                    left[0] -= 1
                client.request("POST", "/upload", data, {"Content-Type": content_type})
                with client.getresponse() as answer:
                    told = json.loads(answer.read())
                arrived = answer.status == 200 and told.get("sha256") == digest
                if not arrived:
                    print(f"  {kind} {size}: {answer.status} {told.get('rules', told)}", file=sys.stderr)
                with lock:
                    exact[0] += arrived
        finally:
            client.close()

    threads = [threading.Thread(target=one) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return exact[0]
