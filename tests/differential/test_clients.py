"""What ordinary clients send is never refused for its framing, and everybody reads the same in it."""

from __future__ import annotations

import http.server
import io
import subprocess
import threading

import httpx
import pytest
import requests
import urllib3

from gateway.limits import Limits
from gateway.transfer import Request
from gateway.wire.body import read_request
from tests.samples.client_bodies import CLIENTS, FILE, Upload
from tests.support.upload_parsers import RUNTIMES, UploadParser

NOTE = "说明"


def by_requests() -> Upload:
    made = requests.Request(
        "POST", "http://test/", data={"note": NOTE}, files={"file": ("report 1.pdf", FILE, "application/pdf")}
    ).prepare()
    assert isinstance(made.body, bytes)
    return Upload(made.headers["content-type"].encode(), made.body)


def by_httpx() -> Upload:
    made = httpx.Request(
        "POST",
        "http://test/",
        data={"note": NOTE},
        files={"file": ("report 1.pdf", io.BytesIO(FILE), "application/pdf")},
    )
    return Upload(made.headers["content-type"].encode(), made.read())


def by_urllib3() -> Upload:
    body, label = urllib3.encode_multipart_formdata({"note": NOTE, "file": ("report 1.pdf", FILE, "application/pdf")})
    return Upload(label.encode(), body)


def by_curl(folder) -> Upload:
    """As curl sends it to a server on loopback."""
    (folder / "report 1.pdf").write_bytes(FILE)
    seen: list[Upload] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.append(Upload(self.headers["content-type"].encode(), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        command = ["curl", "-sS", "--noproxy", "*", "-F", f"note={NOTE}", "-F", f"file=@{folder}/report 1.pdf", url]
        subprocess.run(command, check=True, timeout=30)
        thread.join(10)
    return seen[0]


@pytest.fixture(scope="module")
def uploads(tmp_path_factory) -> dict[str, Upload]:
    real = {"requests": by_requests(), "httpx": by_httpx(), "urllib3": by_urllib3()}
    return {**CLIENTS, **real, "curl, run": by_curl(tmp_path_factory.mktemp("curl"))}


NAMES = [*CLIENTS, "requests", "httpx", "urllib3", "curl, run"]


@pytest.mark.parametrize("name", NAMES)
def test_is_read(uploads, name):
    upload = uploads[name]
    headers = {"content-type": upload.content_type.decode()}
    pieces = read_request(Request(path="", headers=headers), upload.data, limits=Limits())
    assert [(piece.name, bytes(piece.data)) for piece in pieces if piece.is_file] == [(upload.file_name, FILE)]
    assert {piece.field: bytes(piece.data) for piece in pieces if piece.field in upload.fields} == upload.fields


@pytest.fixture(scope="module", params=list(RUNTIMES))
def server(request, tmp_path_factory):
    parser = UploadParser(request.param, tmp_path_factory.mktemp(request.param))
    assert not parser.missing, f"{parser.missing} is missing (make setup-test)"
    with parser:
        yield parser


@pytest.mark.parametrize("name", NAMES)
def test_is_read_alike(server, uploads, name):
    upload = uploads[name]
    for parser in server.runtime.paths:
        found = server.read(parser, upload.content_type, upload.data)
        # formidable calls a file without a type a field; what it is called and what is in it count.
        assert {read.name: read.content for read in found} == {**upload.fields, "file": FILE}, parser
        assert {read.file_name for read in found} <= {None, upload.file_name}, parser
