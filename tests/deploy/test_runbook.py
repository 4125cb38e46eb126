"""The runbook: what it tells people to type and to look at exists."""

import re
import shlex
from pathlib import Path

import click
import pytest

from gateway.cli.main import cli
from gateway.config import load_settings
from gateway.policy.builtin import BUILTIN
from gateway.policy.failclosed import BUILT_IN
from gateway.policy.load import load_policy
from gateway.records.__main__ import main as records
from gateway.settings import Settings
from gateway.supervisor import STOP_S

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "deploy" / "RUNBOOK.md").read_text("utf-8")
CODE = re.findall(r"`([^`\n]+)`", TEXT) + [
    line.strip() for block in re.findall(r"```\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()
]
COMMANDS = sorted(
    {match[1].strip() for code in CODE if (match := re.search(r"(?:^|/)sluice ((?:[a-z]+ ?)+(?:[A-Z-].*)?)$", code))}
)


def test_commands_are_found():
    assert {"check", "audit verify", "ca", "incidents show ID"} <= set(COMMANDS)
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_exists_with_its_options(line):
    words = shlex.split(line)
    command, context = cli, click.Context(cli)
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, line
        command, words = found, words[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_store_is_built_again_as_it_says(tmp_path):
    (line,) = [code for code in CODE if "gateway.records" in code]
    config = tmp_path / "sluice.yaml"
    config.write_text(f"state_dir: {tmp_path / 'state'}\n", "utf-8")
    arguments = shlex.split(line.partition("gateway.records ")[2].replace("/etc/sluice/sluice.yaml", str(config)))

    assert records(arguments) == 0


def test_settings_and_log_events_that_it_names_exist():
    rooms = {"identity", "inspectors", "limits", "upstream", "tls", "metrics", "console", "geo", "events"}
    dotted = {code.partition(":")[0] for code in CODE if "." in code and code.partition(".")[0] in rooms} - {
        "events.jsonl"
    }
    settings = {name for name in dotted if _is_setting(name)}
    pool = "".join(path.read_text("utf-8") for path in (ROOT / "gateway" / "inspectors").glob("*.py"))

    assert settings >= {"identity.networks", "limits.max_body_bytes", "inspectors.memory_mb", "tls.ca_dir"}
    assert dotted - settings == {"inspectors.ready", "inspectors.problem", "inspectors.build-failed"}
    for event in ("inspectors.ready", "inspectors.problem", "inspectors.build-failed"):
        assert f'"{event}"' in pool


def _is_setting(name):
    value = Settings()
    for key in name.split("."):
        if not hasattr(value, key):
            return False
        value = getattr(value, key)
    return True


def test_the_variable_for_the_next_ca_is_the_setting():
    (line,) = [code for code in CODE if "SLUICE__TLS__CA_DIR" in code]
    variable = dict([re.search(r"(SLUICE__\w+)=(\S+)", line).groups()])

    assert load_settings(None, variable).tls.ca_dir == Path("/var/lib/sluice/ca-next")


def test_rules_that_it_names_exist():
    known = {rule.id for rule in load_policy(None).rules} | {refusal.rule for refusal in BUILTIN.values()}
    rooms = {name.partition(".")[0] for name in known}
    named = {code for code in CODE if re.fullmatch(r"[a-z]+\.[a-z-]+", code) and code.partition(".")[0] in rooms}

    assert {"gateway.not-inspected", "gateway.draining", "identity.required", "wire.upgrade"} <= named
    settings_too = {"identity.networks", "identity.addresses"}
    assert named - settings_too <= known | set(BUILT_IN)


@pytest.mark.parametrize(
    "name", ["journal/", "spool/", "ca/", "evidence/", "run/", "geo/", "sluice.db", "events.jsonl"]
)
def test_every_part_of_the_state_is_explained(name):
    assert re.search(rf"^\| `{name}`[^|]*\|", TEXT, re.MULTILINE)


def test_the_time_to_stop_is_the_supervisors():
    assert f"At most {sum(STOP_S.values()):.0f} s." in TEXT


def test_files_that_it_names_exist():
    for name in set(re.findall(r"\bdeploy/[\w./-]+\w", TEXT)):
        assert (ROOT / name.replace("$name", "sluice")).exists(), name
    for link in re.findall(r"\]\((\.\./[^)#]+)\)", TEXT):
        assert (ROOT / "deploy" / link).exists(), link


def test_links_inside_lead_to_sections():
    headings = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    }

    for anchor in re.findall(r"\]\(#([^)]+)\)", TEXT):
        assert anchor in headings, anchor
