"""The judge of a worker for connections, with a real journal and the shipped catalogue; no inspector is ever asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mitmproxy.connection import Client
from mitmproxy.proxy.mode_specs import ProxyMode

from addons.__main__ import build_judge
from addons.judge import Judge
from addons.loop import GatewayLoop
from gateway.config import load_settings


@contextmanager
def connection_judge(folder: Path, policy: str = "", **settings: Any) -> Iterator[Judge]:
    """`with connection_judge(folder, "version: 1 …", tls={…}) as judge`; the policy is the shipped one unless given."""
    config = folder / "sluice.yaml"
    if policy:
        (folder / "policy.yaml").write_text(policy, "utf-8")
        settings |= {"policy": "policy.yaml"}
    config.write_text(json.dumps({"state_dir": "state", **settings}, default=str), "utf-8")
    (folder / "state" / "run").mkdir(parents=True, exist_ok=True)
    loop = GatewayLoop()
    judge, _ = build_judge(load_settings(str(config), {}), loop, 0)
    try:
        yield judge
    finally:
        judge.journal.close()
        judge.uploads.close()
        loop.close()


def client(ip: str = "10.0.0.7", mode: str = "regular") -> Client:
    """A connection from that address, in that mode of the proxy."""
    return Client(peername=(ip, 50000), sockname=("127.0.0.1", 8080), proxy_mode=ProxyMode.parse(mode))


def records(folder: Path) -> list[dict[str, Any]]:
    """Bodies of the verdict records, once the journal is closed or has written them."""
    files = sorted((folder / "state" / "journal").glob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    return [line["body"] for line in lines if line["kind"] == "verdict"]


def outcomes(folder: Path) -> list[str]:
    """Outcomes in the journal, in order."""
    files = sorted((folder / "state" / "journal").glob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    return [line["body"]["outcome"] for line in lines if line["kind"] == "outcome"]
