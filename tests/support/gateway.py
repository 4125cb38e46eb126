"""A real gateway for tests: `sluice run` in a process of its own, on free ports, with its state in a folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Gateway:
    """`with Gateway(folder, origin_ca=…, connect_to={…}) as gateway`."""

    folder: Path
    origin_ca: Path | None = None
    connect_to: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    """What goes before the command, for example to run it in other namespaces."""
    start_s: float = 60.0

    def __enter__(self) -> Gateway:
        self.port, self.console_port, self.metrics_port = free_port(), free_port(), free_port()
        self.state = self.folder / "state"
        settings = {
            "listen": f"127.0.0.1:{self.port}",
            "console": {"listen": f"127.0.0.1:{self.console_port}"},
            "metrics": {"listen": f"127.0.0.1:{self.metrics_port}"},
            "state_dir": str(self.state),
            "workers": 1,
            "inspectors": {"workers": 2},
            "upstream": {"trusted_ca": [str(self.origin_ca)] if self.origin_ca else [], "connect_to": self.connect_to},
        } | self.settings
        self.config = self.folder / "sluice.yaml"
        self.config.write_text(json.dumps(settings), "utf-8")
        self.output = (self.folder / "gateway.log").open("wb")
        self.process = subprocess.Popen(
            [*self.prefix, sys.executable, "-m", "gateway.cli.main", "run", "--config", str(self.config)],
            stdout=self.output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self.environment},
        )
        try:
            self.wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_ready(self) -> None:
        deadline = time.monotonic() + self.start_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the gateway ended with {self.process.returncode}:\n{self.log()}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.console_port}/readyz", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"the gateway was not ready in time:\n{self.log()}")

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(45)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.output.close()

    @property
    def proxy(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path:
        return self.state / "ca" / "sluice-ca.pem"

    def log(self) -> str:
        return (self.folder / "gateway.log").read_text("utf-8", "replace")[-6000:]

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())

    def metric(self, name: str, **labels: str) -> float:
        """Sum of the samples of that name that have these labels."""
        total = 0.0
        for line in self.metrics().splitlines():
            if line.startswith(("#",)) or not line.startswith((name + "{", name + " ")):
                continue
            if all(f'{key}="{value}"' in line for key, value in labels.items()):
                total += float(line.rpartition(" ")[2])
        return total

    def events(self) -> list[dict[str, Any]]:
        path = self.state / "events.jsonl"
        if not path.exists():
            return []
        # A line without its end is still being written.
        return [json.loads(line) for line in path.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]

    def wait_event(self, identity: str, within_s: float = 15.0) -> dict[str, Any]:
        """The event of that incident, once it is written."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            for event in self.events():
                if event["id"] == identity:
                    return event
            time.sleep(0.05)
        raise AssertionError(f"no event {identity}:\n{self.log()}")

    def pids(self, kind: str) -> list[int]:
        """Processes of the gateway whose command line holds `kind`."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
                except OSError:
                    continue
                if kind in words and str(self.config) in words:
                    found.append(int(entry.name))
        return found
