"""Real git: repositories made by the program, and what it sends when it pushes, taken down by a server on loopback."""

from __future__ import annotations

import http.server
import os
import subprocess
import threading
from pathlib import Path

BACKEND = Path(subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip())
WHO = {"NAME": "Zhang San", "EMAIL": "zhang.san@example.com", "DATE": "2026-01-01T00:00:00Z"}


def git(*words: str, folder: Path, given: bytes = b"") -> bytes:
    """What `git WORDS` prints."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("GIT_") and "proxy" not in key.lower()
    }
    environment |= {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in WHO.items()}
    environment |= {"GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder), "GIT_TERMINAL_PROMPT": "0"}
    done = subprocess.run(["git", *words], cwd=folder, env=environment, input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


class Repository:
    """A work tree; `commit` writes files and commits them."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        git("init", "-q", "-b", "main", *options, folder=folder)
        git("config", "gc.auto", "0", folder=folder)

    def commit(self, message: str, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        git("add", "-A", folder=self.folder)
        git("commit", "-q", "-m", message, folder=self.folder)

    def pack(self, *revisions: str, thin: bool = False) -> bytes:
        """A pack of all that these revisions need."""
        options = ["--revs", "--stdout", "--delta-base-offset", *(["--thin"] if thin else [])]
        return git("pack-objects", "-q", *options, folder=self.folder, given="\n".join(revisions).encode() + b"\n")


class SmartServer:
    """`git http-backend` behind a small server; `bodies` has what was posted to git-receive-pack."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bodies: list[tuple[dict[str, str], bytes]] = []

    def __enter__(self) -> SmartServer:
        git("init", "-q", "--bare", "-b", "main", "origin.git", folder=self.root)
        git("config", "http.receivepack", "true", folder=self.root / "origin.git")
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.answer(b"")

            def do_POST(self) -> None:
                body = self.body()
                if self.path.endswith("/git-receive-pack"):
                    outer.bodies.append(({key.lower(): value for key, value in self.headers.items()}, body))
                self.answer(body)

            def body(self) -> bytes:
                if "chunked" not in self.headers.get("transfer-encoding", ""):
                    return self.rfile.read(int(self.headers.get("content-length", 0)))
                data = b""
                while size := int(self.rfile.readline(), 16):
                    data += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return data

            def answer(self, body: bytes) -> None:
                path, _, query = self.path.partition("?")
                environment = {
                    "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(outer.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
                    "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_LENGTH": str(len(body)), "REMOTE_USER": "t",
                    "CONTENT_TYPE": self.headers.get("content-type", ""), "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
                }  # fmt: skip
                run = subprocess.run(
                    [BACKEND / "git-http-backend"], input=body, env=environment, capture_output=True, check=False
                )
                head, _, content = run.stdout.partition(b"\r\n\r\n")
                self.send_response(200)
                for line in head.decode().split("\r\n"):
                    name, _, value = line.partition(": ")
                    if name and name != "Status":
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/origin.git"
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join(10)
        self.server.server_close()
