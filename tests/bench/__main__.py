"""`make bench`: cost and memory of the gateway as ratios within one interleaved run."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from tests.bench.load import SIZES, push
from tests.bench.measure import Peak, cpu_s
from tests.bench.proxies import Proxy, all_proxies
from tests.bench.versions import versions
from tests.bench.workers import workers
from tests.support.origin import Origin

CASES = (("json", "1K", 1000), ("text", "1M", 60), ("docx", "1M", 60), ("text", "10M", 12), ("docx", "10M", 12))
"""Kind, size, requests per round."""
AT_ONCE = 8
ROUNDS = 3
MEMORY_UPLOADS, MEMORY_ALLOWED_BYTES = 16, 150 * 1000 * 1000


def cost(proxies: list[Proxy], origin: Origin) -> None:
    """CPU per request (1 KB) or per GB, each case through all proxies back to back, median of the rounds."""
    for kind, size, count in CASES:
        found: dict[str, list[float]] = {proxy.name: [] for proxy in proxies}
        for number in range(ROUNDS + 1):
            for proxy in proxies:
                before = cpu_s(proxy.pid)
                exact = push(proxy.port, proxy.ca, origin.port, kind, size, count=count, at_once=AT_ONCE)
                spent = cpu_s(proxy.pid) - before
                origin.clear()
                if exact != count:
                    raise SystemExit(
                        f"{proxy.name}: {count - exact} of {count} {kind} {size} did not arrive byte-exact"
                    )
                # The first round warms up.
                if number:
                    found[proxy.name].append(spent)
        unit = "cpu-ms/request" if size == "1K" else "cpu-s/GB"
        scale = 1000 / count if size == "1K" else 1e9 / (count * SIZES[size])
        medians = {name: statistics.median(values) * scale for name, values in found.items()}
        row = "  ".join(f"{name} {value:8.2f} ({value / medians['mitmdump']:.2f}×)" for name, value in medians.items())
        print(f"{kind:>5} {size:>4}  {unit:<15} {row}", flush=True)


def memory(proxy: Proxy, origin: Origin) -> bool:
    """Growth of the tree's resident memory while 16 uploads of 50 MB are in flight; True when within the bound."""
    fine = True
    for kind in ("docx", "text"):
        with Peak(proxy.pid) as peak:
            exact = push(proxy.port, proxy.ca, origin.port, kind, "50M", count=MEMORY_UPLOADS, at_once=MEMORY_UPLOADS)
        growth = peak.growth_bytes
        fine = fine and exact == MEMORY_UPLOADS and growth <= MEMORY_ALLOWED_BYTES
        print(
            f"{kind:>5}  50M  {MEMORY_UPLOADS} at once: {exact} arrived, peak RSS of the tree +{growth / 1e6:.0f} MB "
            f"(from {peak.base_bytes / 1e6:.0f} MB; allowed +{MEMORY_ALLOWED_BYTES / 1e6:.0f} MB)",
            flush=True,
        )
    return fine


def main() -> int:
    """Run what is asked for; 1 when a bound is passed: memory, what HTTP/2 may cost, what two workers do."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=("cost", "memory", "http2", "workers"))
    asked = parser.parse_args().only
    if asked == "http2":
        return 0 if versions() else 1
    if asked == "workers":
        return 0 if workers() else 1
    with (
        tempfile.TemporaryDirectory() as folder,
        Origin(Path(folder)) as origin,
        all_proxies(Path(folder), origin) as proxies,
    ):
        if asked != "memory":
            cost(proxies, origin)
        fine = asked == "cost" or memory(proxies[-1], origin)
    return 0 if fine and (asked is not None or workers()) else 1


if __name__ == "__main__":
    sys.exit(main())
