"""`sluice demo` as somebody sees it who has just installed Sluice: in a pipe and in a terminal of 80 columns."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e
COMMAND = [sys.executable, "-m", "gateway.cli.main", "demo"]
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
MINUTE_S = 60
ROWS = [
    ("allow", "forwarded"),
    ("block", "size.messaging-file"),
    ("block", "sensitive.unencrypted"),
    ("block", "sensitive.unencrypted"),
    ("allow", "forwarded"),
    ("block", "encryption.weak"),
    ("block", "sensitive.unencrypted"),
    ("block", "marking.state-secret"),
    ("block", "sensitive.unencrypted"),
    ("block", "cloud.personal"),
]
"""Verdict and rule of each upload, in order."""


def rows(text: str) -> list[tuple[str, str]]:
    """Verdict and first rule of each numbered entry."""
    found = re.findall(r"^ ?(\d+) (allow|block|hold) +\S.*\n {10}(\S+)", text, re.MULTILINE)
    assert [int(number) for number, _, _ in found] == list(range(1, len(found) + 1))
    return [(verdict, rule) for _, verdict, rule in found]


def left_behind() -> list[str]:
    """Command lines of gateways of demonstrations."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            if "sluice-demo-" in words:
                found.append(words)
    return found


@pytest.mark.parametrize(("locale", "sentence"), [("C", "was not sent"), ("zh_CN.UTF-8", "没有发出")])
def test_in_a_pipe_it_ends_by_itself(tmp_path, locale, sentence):
    began = time.monotonic()
    environment = {**os.environ, "COLUMNS": "80", "LC_ALL": locale, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        COMMAND, capture_output=True, encoding="utf-8", env=environment, timeout=MINUTE_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - began < MINUTE_S
    assert rows(done.stdout) == ROWS
    assert sentence in done.stdout
    assert "2 forwarded, 8 blocked, 0 held." in done.stdout
    # The services' own log: what passed arrived as it was sent, and nothing else arrived.
    assert done.stdout.count("every byte as sent") == 2
    assert "notice.txt, every byte as sent" in done.stdout
    assert "contract-aes.zip, every byte as sent" in done.stdout
    assert "\x1b" not in done.stdout
    assert all(cell_len(line) <= 80 for line in done.stdout.splitlines())
    assert list(tmp_path.iterdir()) == []


class Terminal:
    """The demonstration in a terminal of 80 columns."""

    def __init__(self, folder: Path):
        self.pid, self.screen = pty.fork()
        if not self.pid:
            os.environ.update(TERM="xterm-256color", TMPDIR=str(folder), LC_ALL="C.UTF-8")
            os.environ.pop("COLUMNS", None)
            os.execv(COMMAND[0], COMMAND)
        fcntl.ioctl(self.screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.said = b""
        self.family: list[int] = []

    def read(self, until: bytes) -> None:
        """Take what is shown, until the words come or the program ends."""
        deadline = time.monotonic() + MINUTE_S
        while until not in self.said and time.monotonic() < deadline:
            if select.select([self.screen], [], [], 0.1)[0]:
                try:
                    data = os.read(self.screen, 65536)
                except OSError:
                    return
                self.said += data

    def end(self) -> int:
        """The exit code, once it has ended; everything it said is in `said`."""
        self.read(b"\0 never")
        os.close(self.screen)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def terminal(tmp_path):
    terminal = Terminal(tmp_path)
    yield terminal
    try:
        os.kill(terminal.pid, signal.SIGKILL)
        os.waitpid(terminal.pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def test_in_a_terminal_it_stays_until_ctrl_c(terminal, tmp_path):
    terminal.read(b"Ctrl-C ends the demonstration.")
    os.write(terminal.screen, b"\x03")
    assert terminal.end() == 0
    shown = ESCAPES.sub("", terminal.said.decode())
    text = "\n".join(line.rpartition("\r")[2] for line in shown.replace("\r\n", "\n").split("\n"))
    assert rows(text) == ROWS
    assert re.search(r"starting the gateway  \d+ s", shown)
    assert all(cell_len(part) <= 80 for part in re.split(r"[\r\n]", shown))
    assert "http://127.0.0.1:" in text
    eventually(lambda: not left_behind())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 1), (signal.SIGINT, 1), (signal.SIGKILL, -9)], ids=["TERM", "INT", "KILL"]
)
def test_signal_in_the_middle_leaves_no_process_behind(terminal, number, code):
    terminal.read(b"starting the gateway  1 s")
    eventually(left_behind)
    os.kill(terminal.pid, number)
    assert terminal.end() == code
    eventually(lambda: not left_behind())
    assert b"Traceback" not in terminal.said
