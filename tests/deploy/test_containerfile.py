"""The Containerfile, read by rules of our own: there is no engine where the tests run."""

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gateway.settings import Settings
from gateway.yamlfile import load_yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "deploy" / "Containerfile"


def instructions(text):
    """(word, rest) in order; comments gone, continued lines joined."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


STEPS = instructions(FILE.read_text("utf-8"))


def only(word):
    (rest,) = [rest for name, rest in STEPS if name == word]
    return rest


def rests(word):
    return [rest for name, rest in STEPS if name == word]


def copied():
    """Every source of a COPY with its target."""
    for rest in rests("COPY"):
        *sources, target = rest.split()
        yield from ((source, target) for source in sources)


def test_only_instructions_that_exist():
    known = {"ARG", "FROM", "RUN", "ENV", "WORKDIR", "COPY", "VOLUME", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK"}

    assert {word for word, _ in STEPS} == known | {"ENTRYPOINT"}


def test_the_base_is_an_argument_with_a_plain_name():
    assert STEPS[:2] == [("ARG", "BASE=python:3.13-slim"), ("FROM", "${BASE}")]


@pytest.mark.parametrize(("source", "target"), list(copied()), ids=lambda value: value)
def test_what_is_copied_exists_and_is_let_into_the_build(source, target):
    assert (ROOT / source).exists()
    assert not target.startswith("/")
    assert source in included()


def included():
    lines = (ROOT / "deploy" / "Containerfile.dockerignore").read_text("utf-8").splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "*"
    return {line.removeprefix("!") for line in lines if line.startswith("!")}


def test_nothing_more_is_let_into_the_build():
    assert included() == {source for source, _ in copied()}


def test_every_package_of_the_wheel_is_copied():
    wheel = re.search(
        r"\[tool\.hatch\.build\.targets\.wheel\]\npackages = (\[.*\])", (ROOT / "pyproject.toml").read_text()
    )

    assert set(json.loads(wheel[1])) <= {source for source, _ in copied()}


def test_dependencies_come_by_hash_and_as_wheels_before_the_code():
    installs = [rest for rest in rests("RUN") if "pip install" in rest]

    assert installs[0] == "pip install --require-hashes --only-binary :all: -r requirements/runtime.lock"
    assert installs[1].startswith("pip install --no-deps --no-build-isolation . ")
    assert len(installs) == 2
    order = [rest for _, rest in STEPS]
    assert order.index(installs[0]) < order.index("gateway gateway")


def test_the_project_builds_with_what_the_lock_holds():
    lock = (ROOT / "requirements" / "runtime.lock").read_text("utf-8")

    assert re.search("^hatchling==", lock, re.MULTILINE)


def test_the_same_system_packages_as_everywhere():
    run = next(rest for rest in rests("RUN") if "apt-get" in rest)
    script = (ROOT / "deploy" / "system-packages.sh").read_text("utf-8")
    wanted = re.search(r"^want=\((.*)\)$", script, re.MULTILINE)[1].split()

    assert run.partition("--no-install-recommends ")[2].split(" &&")[0].split() == wanted
    assert "rm -rf /var/lib/apt/lists/*" in run


def test_it_runs_as_a_user_that_is_made_and_owns_the_state():
    run = next(rest for rest in rests("RUN") if "useradd" in rest)

    assert only("USER") == "sluice"
    assert re.search(r"useradd --system --uid 10001 .* sluice &&", run)
    assert "install --directory --owner=sluice --group=sluice --mode=0700 /var/lib/sluice" in run
    after = [word for word, _ in STEPS[[word for word, _ in STEPS].index("USER") :]]
    assert "RUN" not in after
    assert "COPY" not in after


def test_state_lies_in_the_volume():
    example = load_yaml(str(ROOT / "deploy" / "sluice.example.yaml")).value

    assert json.loads(only("VOLUME")) == [example["state_dir"]]
    assert rests("WORKDIR")[-1] == example["state_dir"]


def test_ports_are_the_usual_ones():
    usual = Settings()

    assert only("EXPOSE") == f"{usual.listen.port} {usual.console.listen.port} {usual.metrics.listen.port}"


def test_it_starts_the_gateway_and_stops_it_in_order():
    assert json.loads(only("ENTRYPOINT")) == ["sluice", "run", "--config", "/etc/sluice/sluice.yaml"]
    assert only("STOPSIGNAL") == "SIGTERM"


def test_no_secret_and_no_registry():
    text = FILE.read_text("utf-8")

    assert "://" not in text.replace("http://127.0.0.1:8081/readyz", "")
    assert not re.search(r"password|token|secret", text, re.IGNORECASE)


class Console(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self):
        self.send_response(self.status if self.path == "/readyz" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(("status", "is_healthy"), [(200, True), (503, False), (None, False)])
def test_the_health_check_tells_ready_from_not(status, is_healthy):
    command = json.loads(only("HEALTHCHECK").partition(" CMD ")[2])
    assert command[:2] == ["python", "-c"]
    handler = type("Console", (Console,), {"status": status})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        code = command[2].replace(":8081", f":{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        if status:
            thread.start()
        else:
            server.server_close()
        try:
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60)
        finally:
            if status:
                server.shutdown()
                thread.join()

    assert (done.returncode == 0) is is_healthy
