"""A real gateway for the demonstration: processes of its own, all its services led to the stand-in."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gateway.config import PREFIX
from gateway.demo.service import Service
from gateway.errors import StartError
from gateway.process import PARENT

START_S = 60.0
"""Longest wait until the gateway can enforce."""
PAUSE_S = 0.1
ASK_S = 2.0
STOP_S = 70.0
"""Longest wait for an orderly end; a little more than the supervisor's own patience."""
MAX_WORDS = 800
"""Characters of the gateway's last words that are shown when it does not start."""


@dataclass
class RunningGateway:
    """`with RunningGateway(folder, service) as gateway`: state and settings in the folder, ports that were free."""

    folder: Path
    service: Service
    waiting: Callable[[], None] = lambda: None
    """Called again and again until the gateway is ready."""

    def __enter__(self) -> Self:
        """Start it and wait; raises StartError with its last words when it does not come up."""
        self.port, self.console_port, self.metrics_port = free_ports(3)
        self.config = self.folder / "sluice.yaml"
        self.config.write_text(json.dumps(self._settings()), "utf-8")
        with (self.folder / "gateway.log").open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "gateway.cli.main", "run", "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # It ends when this process does, however that ends, and hears nothing of a Ctrl-C: it is told below.
                env=_environment(),
                process_group=0,
            )
        try:
            self._wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, orderly; at once when somebody presses Ctrl-C again."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except KeyboardInterrupt:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def state(self) -> Path:
        """Its state directory."""
        return self.folder / "state"

    @property
    def ca(self) -> Path:
        """The certificate its clients must trust."""
        return self.state / "ca" / "sluice-ca.pem"

    def _settings(self) -> dict[str, object]:
        return {
            "listen": f"127.0.0.1:{self.port}",
            "console": {"listen": f"127.0.0.1:{self.console_port}"},
            "metrics": {"listen": f"127.0.0.1:{self.metrics_port}"},
            "state_dir": str(self.state),
            "upstream": {
                "trusted_ca": [str(self.service.ca)],
                "connect_to": {f"{host}:443": f"127.0.0.1:{self.service.port}" for host in self.service.hosts},
            },
        }

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while not is_ready(self.console_port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                words = (self.folder / "gateway.log").read_text("utf-8", "replace")[-MAX_WORDS:].strip()
                raise StartError(f"the gateway did not start: {words or 'it said nothing'}")
            self.waiting()
            time.sleep(PAUSE_S)


def _environment() -> dict[str, str]:
    """What this process has, without the variables that would override the settings of the demonstration."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {**own, PARENT: str(os.getpid())}


def free_ports(count: int) -> list[int]:
    """Different ports nobody listens on now."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(probe.getsockname()[1]) for probe in probes]


def is_ready(console_port: int) -> bool:
    """Whether the gateway says that it can enforce."""
    client = http.client.HTTPConnection("127.0.0.1", console_port, timeout=ASK_S)
    try:
        client.request("GET", "/readyz")
        return client.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()
