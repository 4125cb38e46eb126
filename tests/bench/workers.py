"""What a second worker brings, measured so that it holds on a machine that also runs the clients and the origin.

The wall clock of such a machine tells who was crowded out, not what workers can do. So the CPU time is taken that each
worker spends on the same load: with a core of its own for each, the load takes as long as the busiest of them. The ratio
falls with uneven sharing of connections (SO_REUSEPORT goes by a hash of addresses and ports) and with everything that
makes two cost more than one; waiting for each other would show on the wall clock only, which is told beside it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import statistics
import tempfile
import threading
import time
from pathlib import Path

from tests.bench.load import body
from tests.bench.measure import cpu_s, tree
from tests.bench.proxies import Proxy, sluice
from tests.support.origin import Origin

CONNECTIONS = 600
"""New connections per round, one 1 KB message each; enough for a hash to share them evenly."""
AT_ONCE = 8
ROUNDS = 3
NEEDED_RATIO = 1.8


def worker_pids(proxy: Proxy) -> list[int]:
    """Processes of the tree that are proxy workers."""
    return [pid for pid in tree(proxy.pid) if b"\0addons\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def push_new(proxy: Proxy, origin: Origin, count: int) -> int:
    """Send messages, each over a tunnel of its own; how many were answered by the origin."""
    content_type, data = body("json", "1K")
    context = ssl.create_default_context(cafile=str(proxy.ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    left, answered, lock = [count], [0], threading.Lock()

    def one() -> None:
        while True:
            with lock:
                if not left[0]:
                    return
                left[0] -= 1
            client = http.client.HTTPSConnection("127.0.0.1", proxy.port, context=context, timeout=300)
            client.set_tunnel("localhost", origin.port)
            with contextlib.closing(client):
                client.request("POST", "/upload", data, {"Content-Type": content_type})
                with client.getresponse() as answer:
                    fine = answer.status == 200 and json.loads(answer.read()).get("bytes") == len(data)
            with lock:
                answered[0] += fine

    threads = [threading.Thread(target=one) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answered[0]


def one_round(proxy: Proxy, origin: Origin) -> tuple[list[float], float]:
    """CPU seconds of each worker, and wall seconds, of one load."""
    pids = worker_pids(proxy)
    before, began = [cpu_s(pid) for pid in pids], time.monotonic()
    answered = push_new(proxy, origin, CONNECTIONS)
    wall_s = time.monotonic() - began
    origin.clear()
    if answered != CONNECTIONS:
        raise SystemExit(f"{proxy.name}: {CONNECTIONS - answered} of {CONNECTIONS} messages did not arrive")
    return [cpu_s(pid) - spent for pid, spent in zip(pids, before, strict=True)], wall_s


def workers() -> bool:
    """Print the row; True when two workers do NEEDED_RATIO times the work of one."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Origin(Path(folder)) as origin,
        sluice(Path(folder) / "one", origin, workers=1) as one,
        sluice(Path(folder) / "two", origin, workers=2) as two,
    ):
        ratios, walls, shares, cost_ms = [], [], [], []
        for number in range(ROUNDS + 1):
            (alone,), alone_s = one_round(one, origin)
            both, both_s = one_round(two, origin)
            # The first round warms up.
            if number:
                ratios.append(alone / max(both))
                walls.append(alone_s / both_s)
                shares.append(max(both) / sum(both))
                cost_ms.append((alone * 1000 / CONNECTIONS, sum(both) * 1000 / CONNECTIONS))
    ratio = statistics.median(ratios)
    single, double = (statistics.median(column) for column in zip(*cost_ms, strict=True))
    print(
        f"workers  1 KB message over a new connection each: one worker {single:.2f} cpu-ms, two {double:.2f} cpu-ms; "
        f"the busier took {statistics.median(shares):.0%}; with a core each, two do {ratio:.2f}× the work of one "
        f"(needed {NEEDED_RATIO}×); wall clock here {statistics.median(walls):.2f}×",
        flush=True,
    )
    return ratio >= NEEDED_RATIO
