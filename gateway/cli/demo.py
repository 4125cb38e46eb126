"""`sluice demo`: a stand-in service, a real gateway, ten uploads, and what became of each."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from gateway.cli.incidents import find
from gateway.cli.words import action_style
from gateway.demo.client import Answer, upload
from gateway.demo.samples import SAMPLES, Sample
from gateway.demo.service import Service
from gateway.errors import StartError
from gateway.records.store import Store

START_S = 60.0
INDEX_S = 10.0
PAUSE_S = 0.1
STOP_S = 40.0


@click.command(epilog="Example: sluice demo --keep   (leaves gateway and console running until Ctrl-C)")
@click.option("--keep/--no-keep", default=None, help="Leave it running to look at the console. Default: in a terminal.")
def command(keep: bool | None) -> int:
    """Show what is blocked and why, with a local stand-in for messaging services; nothing leaves this machine."""
    keep = sys.stdout.isatty() if keep is None else keep
    hosts = tuple(dict.fromkeys(str(urlsplit(sample.url).hostname) for sample in SAMPLES))
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="sluice-demo-") as name, Service(Path(name), hosts) as service:
        folder = Path(name)
        ports = {what: free_port() for what in ("proxy", "console", "metrics")}
        config = write_settings(folder, service, hosts, ports)
        console.print("[dim]starting a gateway and a stand-in for the services …[/]")
        with gateway(config, folder, ports["console"]):
            answers = []
            for sample in SAMPLES:
                answer = upload(sample, ports["proxy"], folder / "state" / "ca" / "sluice-ca.pem")
                answers.append(answer)
                show(console, sample, answer, rules_of(folder, answer))
            summary(console, answers, service)
            console.print(f"console   http://127.0.0.1:{ports['console']}/", soft_wrap=True)
            if keep:
                console.print("[dim]Ctrl-C ends the demonstration.[/]")
                with contextlib.suppress(KeyboardInterrupt):
                    signal.pause()
    return 0


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_settings(folder: Path, service: Service, hosts: tuple[str, ...], ports: dict[str, int]) -> Path:
    """Settings that lead every service of the demonstration to the stand-in."""
    config = folder / "sluice.yaml"
    settings = {
        "listen": f"127.0.0.1:{ports['proxy']}",
        "console": {"listen": f"127.0.0.1:{ports['console']}"},
        "metrics": {"listen": f"127.0.0.1:{ports['metrics']}"},
        "state_dir": str(folder / "state"),
        "upstream": {
            "trusted_ca": [str(service.ca)],
            "connect_to": {f"{host}:443": f"127.0.0.1:{service.port}" for host in hosts},
        },
    }
    config.write_text(json.dumps(settings), "utf-8")
    return config


@contextlib.contextmanager
def gateway(config: Path, folder: Path, console_port: int) -> Iterator[None]:
    """A real gateway in processes of its own; raises StartError with its last words when it does not start."""
    log = folder / "gateway.log"
    with log.open("wb") as output:
        command_line = [sys.executable, "-m", "gateway.cli.main", "run", "--config", str(config)]
        process = subprocess.Popen(command_line, stdout=output, stderr=output)  # noqa: S603 - our own module
    try:
        deadline = time.monotonic() + START_S
        while not is_ready(console_port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise StartError(f"the gateway did not start: {log.read_text('utf-8', 'replace')[-800:]}")
            time.sleep(PAUSE_S)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def is_ready(console_port: int) -> bool:
    """Whether the gateway says that it can enforce."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{console_port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def rules_of(folder: Path, answer: Answer) -> list[dict[str, Any]]:
    """The grounds of the incident, once the record of it is in the store."""
    deadline = time.monotonic() + INDEX_S
    while answer.incident and time.monotonic() < deadline:
        with Store.open(folder / "state" / "sluice.db") as store:
            record = find(store, answer.incident)
        if record is not None:
            rules: list[dict[str, Any]] = record["verdict"]["rules"]
            return [rule for rule in rules if rule["action"] in {"block", "hold"}]
        time.sleep(PAUSE_S)
    return []


def show(console: Console, sample: Sample, answer: Answer, rules: list[dict[str, Any]]) -> None:
    """Two lines a sample: verdict, what, rule; then the sentence the sender reads."""
    action = answer.verdict or "allow"
    names = " ".join(rule["id"] for rule in rules) or "forwarded"
    console.print(f"[{action_style(action)}]{action:<5}[/]  [bold]{escape(sample.title)}[/]")
    says = rules[0]["says"].get("zh") or rules[0]["says"].get("en", "") if rules else ""
    console.print(Padding(f"[cyan]{escape(names)}[/]  [dim]{answer.status}, {answer.seconds:.2f} s[/]", (0, 0, 0, 7)))
    if says:
        console.print(Padding(escape(says), (0, 0, 0, 7)))


def summary(console: Console, answers: list[Answer], service: Service) -> None:
    """How many of which, and what the service can prove it received."""
    passed = sum(not answer.verdict for answer in answers)
    held = sum(answer.verdict == "hold" for answer in answers)
    console.print(
        f"\n{len(answers)} uploads: {passed} forwarded, {len(answers) - passed - held} blocked, {held} held. "
        f"The stand-in service received {len(service.arrived)} requests."
    )
