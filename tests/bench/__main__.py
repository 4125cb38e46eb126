"""`make bench`: cost and memory of the gateway as ratios within one interleaved run."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from tests.bench.load import SIZES, push
from tests.bench.measure import cpu_s
from tests.bench.memory import memory
from tests.bench.proxies import Proxy, all_proxies
from tests.bench.versions import versions
from tests.bench.workers import workers
from tests.support.origin import Origin

CASES = (("json", "1K", 1000), ("text", "1M", 60), ("docx", "1M", 60), ("text", "10M", 12), ("docx", "10M", 12))
"""Kind, size, requests per round."""
AT_ONCE = 8
ROUNDS = 3


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


def main() -> int:
    """Run what is asked for; 1 when a bound is passed: memory, what HTTP/2 may cost, what two workers do."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=("cost", "memory", "http2", "workers"))
    parser.add_argument("--rows", default="", help="memory rows whose kind, version and name contain this")
    arguments = parser.parse_args()
    asked = arguments.only
    if asked == "http2":
        return 0 if versions() else 1
    if asked == "workers":
        return 0 if workers() else 1
    if asked == "memory":
        return 0 if memory(arguments.rows) else 1
    with (
        tempfile.TemporaryDirectory() as folder,
        Origin(Path(folder)) as origin,
        all_proxies(Path(folder), origin) as proxies,
    ):
        cost(proxies, origin)
    if asked == "cost":
        return 0
    # Both, so that one that fails does not hide the other.
    results = [memory(), workers()]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
