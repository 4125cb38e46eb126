"""HTTP/2 against HTTP/1.1 through one gateway in one run: the same uploads, CPU of the gateway's whole tree."""

from __future__ import annotations

import hashlib
import ssl
import statistics
import tempfile
import threading
from pathlib import Path

import httpx

from tests.bench.load import body
from tests.bench.measure import cpu_s
from tests.bench.proxies import sluice
from tests.support.origin import Origin

CASES = (("json", "1K", 800), ("text", "1M", 48), ("text", "10M", 12))
"""Kind, size, uploads per round."""
AT_ONCE = 4
ROUNDS = 3
ALLOWED_RATIO = 1.5
"""Over this, HTTP/2 is off unless somebody sets it (docs/decisions/0010)."""


class Offers(ssl.SSLContext):
    """Offers one version: httpx offers HTTP/1.1 first, and the gateway takes what the client likes best."""

    only = "http/1.1"

    def set_alpn_protocols(self, _: object) -> None:
        super().set_alpn_protocols([self.only])


def context_for(ca: Path, version: str) -> ssl.SSLContext:
    context = Offers(ssl.PROTOCOL_TLS_CLIENT)
    context.only = version
    context.load_verify_locations(ca)
    return context


def push(proxy: str, context: ssl.SSLContext, url: str, kind: str, size: str, *, count: int, http2: bool) -> int:
    """Send `count` uploads over AT_ONCE kept connections; returns how many arrived byte-exact in that version."""
    content_type, data = body(kind, size)
    digest, version = hashlib.sha256(data).hexdigest(), "HTTP/2" if http2 else "HTTP/1.1"
    left, exact, lock = [count], [0], threading.Lock()

    def one() -> None:
        with httpx.Client(proxy=proxy, verify=context, http2=http2, timeout=300, trust_env=False) as client:
            while True:
                with lock:
                    if not left[0]:
                        return
                    left[0] -= 1
                answer = client.post(url, content=data, headers={"content-type": content_type})
                arrived = answer.http_version == version and answer.json().get("sha256") == digest
                with lock:
                    exact[0] += arrived

    threads = [threading.Thread(target=one) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return exact[0]


def versions() -> bool:
    """Print one row per case, the median of the rounds; True when no ratio passes ALLOWED_RATIO."""
    fine = True
    with (
        tempfile.TemporaryDirectory() as name,
        Origin(Path(name), alpn=("h2", "http/1.1")) as origin,
        sluice(Path(name) / "gateway", origin, http2=True) as proxy,
    ):
        contexts = {http2: context_for(proxy.ca, "h2" if http2 else "http/1.1") for http2 in (False, True)}
        url = f"https://localhost:{origin.port}/upload"
        for kind, size, count in CASES:
            spent: dict[bool, list[float]] = {False: [], True: []}
            for number in range(ROUNDS + 1):
                for http2 in (False, True):
                    before = cpu_s(proxy.pid)
                    exact = push(
                        f"http://127.0.0.1:{proxy.port}", contexts[http2], url, kind, size, count=count, http2=http2
                    )
                    used = cpu_s(proxy.pid) - before
                    origin.clear()
                    if exact != count:
                        raise SystemExit(f"{count - exact} of {count} {kind} {size} did not arrive byte-exact")
                    # The first round warms up.
                    if number:
                        spent[http2].append(used * 1000 / count)
            one, two = (statistics.median(spent[http2]) for http2 in (False, True))
            fine = fine and two / one <= ALLOWED_RATIO
            print(
                f"{kind:>5} {size:>4}  cpu-ms/upload  HTTP/1.1 {one:8.2f}  HTTP/2 {two:8.2f}  ({two / one:.2f}×)",
                flush=True,
            )
    return fine
