from __future__ import annotations

import asyncio
import io
import json
import os
import runpy
import signal
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace

import docx
import pytest
import structlog
import zstandard
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from gateway.errors import ConfigError, InspectorError
from gateway.inspectors import kernel
from gateway.inspectors.__main__ import _build, main, socket_path
from gateway.inspectors.bounds import Bounds, bounds_of
from gateway.inspectors.client import InspectorClient
from gateway.settings import Settings
from gateway.transfer import Request
from tests.samples.inspectors import TRANSFER
from tests.support.pool import ROOT, fork, is_alive, save_measurement
from tests.support.waiting import eventually

MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def own_logging():
    yield
    structlog.reset_defaults()


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "sluice.yaml"
    file.write_text("state_dir: var\ninspectors: {workers: 1, timeout_s: 5}\n")
    return file


@pytest.fixture
def client(tmp_path):
    return InspectorClient(str(tmp_path / "var" / "run" / "inspectors.sock"), 5.0)


def answers(client):
    try:
        return asyncio.run(client.ping())
    except InspectorError:
        return None


def test_it_listens_in_the_state_directory():
    assert socket_path(Settings.model_validate({"state_dir": "/srv/sluice"})) == "/srv/sluice/run/inspectors.sock"


@pytest.mark.parametrize(
    ("given", "bounds"),
    [
        pytest.param(
            {"workers": 3, "memory_mb": 512, "timeout_s": 7.5},
            Bounds(workers=3, memory_bytes=512 * MIB, timeout_s=7.5),
            id="given",
        ),
        pytest.param(
            {},
            Bounds(workers=len(os.sched_getaffinity(0)), memory_bytes=1024 * MIB, timeout_s=30.0),
            id="by default, one per core",
        ),
    ],
)
def test_bounds_are_those_of_the_settings(given, bounds):
    assert bounds_of(Settings.model_validate({"inspectors": given})) == bounds


def test_the_build_is_the_real_one(config):
    found = _build(str(config))(TRANSFER, b'{"id": "11010519491231002X"}')
    assert found.distinct == {"cn.resident-id": 1}


def test_the_build_reads_the_settings_anew(config):
    config.write_text("signatures: [nowhere]")
    with pytest.raises(ConfigError, match="does not exist"):
        _build(str(config))


def test_wrong_settings_end_it_with_every_problem(config, capfd):
    config.write_text("inspectors: {workers: 0, memory_mb: 1}\nlisten: 1")
    assert main(["--config", str(config)]) == 2
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert {line["event"] for line in lines} == {"inspectors.problem"}
    assert len(lines) == 3
    assert all(line["problem"].startswith(f"{config}:") for line in lines)


def test_wrong_usage_ends_it(capfd):
    with pytest.raises(SystemExit) as caught:
        main(["--confi"])
    assert caught.value.code == 2
    assert "usage" in capfd.readouterr().err


def test_as_a_program_it_exits_with_the_code(monkeypatch, config):
    monkeypatch.setattr(sys, "argv", ["inspectors", "--config", str(config)])
    config.write_text("listen: 1")
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(ROOT / "gateway" / "inspectors" / "__main__.py"), run_name="__main__")
    assert caught.value.code == 2


def test_it_asks_for_its_parents_death_first(config):
    config.write_text("listen: 1")
    try:
        assert main(["--die-with-parent", "--config", str(config)]) == 2
    finally:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, 0)


def test_a_socket_that_cannot_be_made_ends_it_with_what_to_do(config, capfd):
    (config.parent / "file").write_bytes(b"")
    config.write_text("state_dir: file")
    assert main(["--config", str(config)]) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "the socket cannot be made" in json.loads(line)["error"]


def documents():
    """Name → a document for each library that reads in an inspector; all hold the sample number of GB 11643."""
    text = "身份证 11010519491231002X"
    word, page, archive, ball = io.BytesIO(), io.BytesIO(), io.BytesIO(), io.BytesIO()
    document = docx.Document()
    document.add_paragraph(text)
    document.save(word)
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    canvas = Canvas(page)
    canvas.setFont("STSong-Light", 12)
    canvas.drawString(50, 700, text)
    canvas.save()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_LZMA) as zipped:
        zipped.writestr("x/a.docx", word.getvalue())
    with tarfile.open(fileobj=ball, mode="w:xz") as tarred:
        member = tarfile.TarInfo("a.pdf")
        member.size = len(page.getvalue())
        tarred.addfile(member, io.BytesIO(page.getvalue()))
    return {
        "a.txt": text.encode("gb18030"),
        "a.docx": word.getvalue(),
        "a.pdf": page.getvalue(),
        "a.zip": archive.getvalue(),
        "a.txz": ball.getvalue(),
        "a.zst": zstandard.compress(text.encode()),
    }


def test_it_serves_until_sigterm_and_finds_in_the_sandbox_what_it_finds_outside(config, client):
    pid = fork()
    if not pid:
        code = 99
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
            code = main(["--config", str(config)])
        finally:
            save_measurement()
            os._exit(code)
    try:
        eventually(lambda: answers(client))
        outside = _build(str(config))
        for name, body in documents().items():
            transfer = replace(TRANSFER, request=Request(path=f"/{name}"))
            found = asyncio.run(client.inspect(transfer, body, len(body)))
            assert found.distinct == {"cn.resident-id": 1}, name
            assert replace(found, stages={}) == replace(outside(transfer, body), stages={}), name
    finally:
        os.kill(pid, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize("how", ["option", "variable"])
def test_it_ends_with_its_parent(config, client, how):
    """A parent that starts it, says its pid and is killed."""
    flags = ["--die-with-parent"] if how == "option" else []
    script = (
        "import os, subprocess, sys, time\n"
        "env = {**os.environ} if '--die-with-parent' in sys.argv else"
        " {**os.environ, 'SLUICE_SUPERVISOR_PID': str(os.getpid())}\n"
        "pool = subprocess.Popen([sys.executable, '-m', 'gateway.inspectors', *sys.argv[1:]], env=env)\n"
        "print(pool.pid, flush=True)\n"
        "pool.wait()\n"
    )
    argv = [sys.executable, "-c", script, "--config", str(config), *flags]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        pool = int(parent.stdout.readline())
        eventually(lambda: answers(client))
        parent.kill()
        parent.wait()
    eventually(lambda: not is_alive(pool))
    assert not os.path.exists(socket_path(Settings.model_validate({"state_dir": str(config.parent / "var")})))
