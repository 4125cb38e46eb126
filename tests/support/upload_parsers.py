"""Real servers on loopback that say what they read of an upload: each parser that the reader of the wire is compared with."""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.gateway import free_port

SERVERS = Path(__file__).parents[1] / "differential" / "servers"
NODE_MODULES = Path(sys.prefix) / "node" / "node_modules"
"""Where `make setup-test` puts what the lock file of `servers/node` names."""
JARS = tuple(Path("/usr/share/java").glob("tomcat10-embed-*.jar"))
START_S = 60.0


@dataclass(frozen=True)
class Read:
    """One field or file as a server read it."""

    name: str
    file_name: str | None
    content: bytes


@dataclass(frozen=True)
class Runtime:
    """How one process is started; `paths` has a parser's name → its path there."""

    program: str
    needs: tuple[Path, ...]
    argv: Callable[[int], list[str]]
    paths: dict[str, str]
    environment: dict[str, str]
    prints_port: bool = True


def _python(parser: str) -> Runtime:
    argv = [sys.executable, str(SERVERS / "parsers.py"), parser]
    return Runtime(sys.executable, (), lambda _port: argv, {parser: "/"}, {})


RUNTIMES: dict[str, Runtime] = {
    **{parser: _python(parser) for parser in ("werkzeug", "django", "starlette", "tornado")},
    "node": Runtime(
        "node",
        (NODE_MODULES,),
        lambda _port: ["node", str(SERVERS / "node" / "server.js")],
        {parser: f"/{parser}" for parser in ("busboy", "fastify-busboy", "formidable", "multer", "multiparty")},
        {"NODE_PATH": str(NODE_MODULES)},
    ),
    "php": Runtime(
        "php",
        (),
        lambda port: ["php", "-d", "display_errors=0", "-S", f"127.0.0.1:{port}", str(SERVERS / "php" / "index.php")],
        {"php": "/"},
        {},
        prints_port=False,
    ),
    "tomcat": Runtime(
        "java",
        JARS or (Path("/usr/share/java/tomcat10-embed-core.jar"),),
        lambda _port: ["java", "-cp", ":".join(map(str, JARS)), str(SERVERS / "java" / "Upload.java")],
        {"tomcat": "/"},
        {},
    ),
}
"""Process → how it is started. Each reads as its own documentation shows, with the limits it ships."""


class UploadParser:
    """One running process; `with UploadParser("php", folder) as server: server.read("php", content_type, body)`."""

    def __init__(self, name: str, folder: Path) -> None:
        self.runtime = RUNTIMES[name]
        self.log_file = folder / f"{name}.log"

    @property
    def missing(self) -> str:
        """What is not installed; empty when everything is."""
        if shutil.which(self.runtime.program) is None:
            return self.runtime.program
        return next((str(path) for path in self.runtime.needs if not path.exists()), "")

    def __enter__(self) -> UploadParser:
        self.port = free_port()
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                self.runtime.argv(self.port),
                stdout=subprocess.PIPE if self.runtime.prints_port else log,
                stderr=log,
                env={**os.environ, **self.runtime.environment},
            )
        try:
            if self.runtime.prints_port:
                assert self.process.stdout is not None
                line = self.process.stdout.readline()
                assert line, self.log_file.read_text()
                self.port = int(line)
            self.wait_listening()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_listening(self) -> None:
        deadline = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            except OSError:
                is_waiting = self.process.poll() is None and time.monotonic() < deadline
                assert is_waiting, self.log_file.read_text()
                time.sleep(0.02)
            else:
                return

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def read(self, parser: str, content_type: bytes, body: bytes) -> list[Read]:
        """What the parser gave to its application; nothing when it refused the body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.putrequest("POST", self.runtime.paths[parser])
            if content_type:
                connection.putheader("Content-Type", content_type)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            text = answer.read()
        except (ConnectionError, http.client.HTTPException):
            return []
        finally:
            connection.close()
        if answer.status != 200:
            return []
        return [
            Read(part["name"], part["filename"], base64.b64decode(part["content"]))
            for part in json.loads(text)["parts"]
        ]


PARSERS = {parser: name for name, runtime in RUNTIMES.items() for parser in runtime.paths}
"""Parser → the process it runs in."""
