"""The wheel, as the image and the service install it: everything the commands need is in it."""

import json
import os
import signal
import site
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

from gateway.policy.load import load_policy
from gateway.supervisor import STOP_S
from tests.support.gateway import free_port
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "addons", "metrics", "signatures")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Folder of the programs of an environment with the wheel in it and the locked packages within reach."""
    home = tmp_path_factory.mktemp("opt") / "sluice-0"
    venv.create(home, symlinks=True)
    place = {"base": str(home), "platbase": str(home)}
    pip = [sys.executable, "-m", "pip", "--python", home / "bin" / "python"]
    options = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([*pip, "install", *options, wheel], check=True, capture_output=True)
    # Only now, because pip would take the project of the checkout for one that is installed already.
    own = Path(sysconfig.get_path("purelib", vars=place))
    (own / "locked.pth").write_text("\n".join(site.getsitepackages()), "utf-8")
    # As the runbook has it: the programs are called by way of a link.
    link = home.parent / "sluice"
    link.symlink_to(home.name)
    return link / "bin"


@pytest.fixture
def run(installed, tmp_path):
    """Runs a program of the environment in an empty folder."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "SLUICE"))}

    def run(program, *arguments):
        command = [installed / program, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return run


def test_every_file_of_the_packages_is_in_it(wheel):
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith("sluice_dlp-")}
    files = {path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()}

    assert shipped == {path.as_posix() for path in files if "__pycache__" not in path.parts}


def test_what_is_imported_is_the_wheel(run, installed):
    code = "import gateway, addons, metrics; print(gateway.__file__, addons.__file__, metrics.__file__)"
    done = run("python", "-c", code)

    home = installed.parent.resolve()
    assert [Path(name).resolve().is_relative_to(home) for name in done.stdout.split()] == [True] * 3, done.stderr


def test_check_finds_policy_signatures_and_catalogue(run):
    done = run("sluice", "check")

    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(load_policy(None).rules)} rules" in done.stdout


def test_signatures_pass_their_cases(run):
    done = run("sluice", "signatures", "test")

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert done.stdout.endswith(" 0 failed\n")


def test_inspect_finds_an_identifier_and_a_key(run, tmp_path):
    (tmp_path / "list.txt").write_text("身份证号 11010519491231002X", "utf-8")
    (tmp_path / "clean.txt").write_text("会议纪要", "utf-8")
    abroad = "https://api.telegram.org/bot1/sendDocument"
    done = run("sluice", "inspect", "--json", "--to", abroad, "list.txt", "clean.txt")
    found, clean = (json.loads(line) for line in done.stdout.splitlines())

    assert done.returncode == 3, done.stderr
    assert found["verdict"]["action"] == "block"
    assert [finding["signature"] for finding in found["parts"][0]["findings"]] == ["cn.resident-id"]
    # the first of the two rests on what the catalogue knows of the service
    rules = {rule["id"] for rule in found["verdict"]["rules"]}
    assert rules == {"overseas.personal-information", "sensitive.unencrypted"}
    assert clean["verdict"]["action"] == "allow"
    assert "11010519491231002X" not in done.stdout


def test_commands_leave_nothing_behind(run, tmp_path):
    run("sluice", "check")
    run("sluice", "pac")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.e2e
def test_a_gateway_starts_from_it_and_shows_its_pages(installed, tmp_path):
    """Health, the console's pages with their templates and style, and the refusal's page."""
    proxy, console, metrics = free_port(), free_port(), free_port()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "SLUICE"))} | {
        "SLUICE__LISTEN": f"127.0.0.1:{proxy}",
        "SLUICE__CONSOLE__LISTEN": f"127.0.0.1:{console}",
        "SLUICE__METRICS__LISTEN": f"127.0.0.1:{metrics}",
        "SLUICE__WORKERS": "1",
        "SLUICE__INSPECTORS__WORKERS": "1",
    }
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [installed / "sluice", "run"], cwd=tmp_path, env=environment, stdout=output, stderr=subprocess.STDOUT
        )

    def fetch(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{console}{path}", timeout=5) as answer:
            return answer.read().decode()

    def ready():
        assert process.poll() is None, log.read_text("utf-8")[-3000:]
        try:
            return fetch("/readyz")
        except OSError:
            return ""

    try:
        assert json.loads(eventually(ready, within_s=60))["ready"] is True
        page = fetch("/")
        assert "<html" in page
        assert fetch("/static/console.css")
        assert refusal(proxy) == (403, "text/html")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(sum(STOP_S.values())) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"log", "var"}


def refusal(proxy):
    """Status and media type of the answer to a form that a browser posts to a private address."""
    headers = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
    request = urllib.request.Request("http://10.0.0.1/u", data=b"a=1", headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{proxy}"}))
    try:
        opener.open(request, timeout=30).close()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.status, answer.headers.get_content_type()
    raise AssertionError("not refused")
