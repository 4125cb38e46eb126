"""The documents: every link, command, path, setting, metric and number in them is true."""

import json
import re
import shlex
import subprocess
import tomllib
from datetime import date
from pathlib import Path

import click
import pytest

from gateway.cli import main as cli_main
from gateway.cli.main import cli
from gateway.destinations.catalogue import load_catalogue
from gateway.detect.signatures import load_signatures
from gateway.detect.yara_rules import load_yara
from gateway.policy.builtin import BUILTIN
from gateway.policy.cases import decide_case
from gateway.policy.failclosed import BUILT_IN
from gateway.policy.load import load_policy
from gateway.policy.schema_file import CaseEntry
from gateway.refusal.render import render
from gateway.settings import SECTIONS, Settings
from metrics.catalogue import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
LISTED = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
TEXTS = {name: (ROOT / name).read_text("utf-8") for name in LISTED.split() if (ROOT / name).is_file()}
README = TEXTS["README.md"]
DECISIONS = sorted(name for name in TEXTS if name.startswith("docs/decisions/"))
CODE = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")


def prose(text):
    return CODE.sub("", text)


def code_of(text):
    """Code in a document: lines of its blocks, and what stands in the prose."""
    lines = [line.strip().removeprefix("$ ") for block in CODE.findall(text) for line in block.splitlines()]
    return [*lines, *INLINE.findall(prose(text))]


def anchors(text):
    titles = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_documents_that_people_look_for_exist():
    assert {
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "deploy/RUNBOOK.md",
        "docs/console.md",
        "docs/metrics.md",
        "docs/policy.md",
        "docs/settings.md",
    } <= set(TEXTS)
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")


# --- links, paths ---

LINKS = [
    (name, link)
    for name, text in TEXTS.items()
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(text))
    if "://" not in link
]


@pytest.mark.parametrize(("name", "link"), LINKS, ids=[f"{name} {link}" for name, link in LINKS])
def test_a_link_leads_somewhere(name, link):
    path, _, anchor = link.partition("#")
    target = (ROOT / name).parent / path if path else ROOT / name
    assert target.exists()
    if anchor:
        assert anchor in anchors(target.read_text("utf-8"))


PATHS = sorted(
    {
        (name, path)
        for name, text in TEXTS.items()
        for code in code_of(text)
        for path in re.findall(
            r"(?:^|[\s`])((?:addons|deploy|docs|gateway|metrics|requirements|signatures|tests)/\S*)", code
        )
        if not re.search(r"[A-Z]{4}|[$*…]", path.replace("RUNBOOK", "").replace("README", "")) and "/x/" not in path
    }
)


@pytest.mark.parametrize(("name", "path"), PATHS, ids=[f"{name} {path}" for name, path in PATHS])
def test_a_file_that_is_named_exists(name, path):
    assert (ROOT / path.rstrip(".,;:)")).exists()


# --- commands ---


def known_options(command):
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}


def check_command(line):
    """Raises AssertionError when `sluice LINE` is no command, or has an option that the command does not have."""
    words = shlex.split(line)
    command, context = cli, click.Context(cli, help_option_names=["-h", "--help"])
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, line
        command, words = found, words[1:]
    options = known_options(command) | {"--help", "--version"}
    assert {word for word in words if word.startswith("--")} <= options, line


SLUICE = sorted(
    {
        (name, " ".join(shlex.split(match[1], comments=True)))
        for name, text in TEXTS.items()
        for code in code_of(text)
        if (match := re.match(r"(?:\.venv/bin/)?sluice ((?:--)?[a-z][^|>(]*)", code))
        and not match[1].startswith(("egress", "is "))
    }
)
MAKE = sorted(
    {
        (name, match[1])
        for name, text in TEXTS.items()
        for code in code_of(text)
        if (match := re.match(r"make ([a-z-]+)(?:\s|$)", code))
    }
)


@pytest.mark.parametrize(("name", "line"), SLUICE, ids=[f"{name} {line}" for name, line in SLUICE])
def test_a_command_of_the_product_exists(name, line):
    check_command(line)


@pytest.mark.parametrize(("name", "target"), MAKE, ids=[f"{name} {target}" for name, target in MAKE])
def test_a_target_of_make_exists(name, target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("line", ["scan x", "inspect --fast x", "incidents free ID"])
def test_a_command_that_does_not_exist_is_found(line):
    with pytest.raises(AssertionError):
        check_command(line)


def test_commands_were_found():
    assert {"run", "ca", "pac"} <= {line for _, line in SLUICE}
    assert {"run", "test", "check", "bench", "setup", "geo"} <= {target for _, target in MAKE}


def every_command(command, words=()):
    yield " ".join(words), command
    if isinstance(command, click.Group):
        context = click.Context(command, help_option_names=["-h", "--help"])
        for name in command.list_commands(context):
            yield from every_command(command.get_command(context, name), (*words, name))


COMMANDS = {line: command for line, command in every_command(cli) if line}


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_helps_with_an_example(line):
    command = COMMANDS[line]
    said = command.get_help(click.Context(command, info_name=line, help_option_names=["-h", "--help"]))
    example = (command.epilog or "").partition("Example: ")[2]

    assert "Example: " in said
    called = re.search(r"sluice ([a-z].*?)(?:\)|$|   )", example)
    assert called is not None
    check_command(called[1].partition(" > ")[0])
    assert called[1].startswith(line)


@pytest.mark.parametrize("line", [line for line in COMMANDS if " " not in line])
def test_the_readme_names_a_command(line):
    assert re.search(rf"^sluice {line}\b", README, re.MULTILINE)


# --- names ---

PROMISED = [
    "cn.resident-id",
    "cn.mobile",
    "cn.uscc",
    "cn.passport",
    "cn.hk-mo-permit",
    "cn.tw-permit",
    "cn.vehicle-plate",
    "cn.bank-card",
    "cn.address",
    "cn.person-name",
    "cn.landline",
    "card.pan",
    "iban",
    "us.ssn",
    "email",
    "ipv4",
    "geo.coordinates",
    "secret.aws-key",
    "secret.private-key",
    "secret.jwt",
    "secret.github-token",
    "secret.slack-token",
    "secret.password",
    "secret.connection-string",
    "secret.cloud-cn",
    "marking.state-secret",
    "marking.company-secret",
    "marking.internal",
    "doc.contract",
    "doc.technical-drawing",
    "doc.source-code",
    "doc.payroll",
    "doc.customer-list",
    "doc.financial",
    "doc.strategy",
    "doc.hr-file",
    "doc.resume",
    "message.password",
]
"""Signatures that people's policies and scripts rely on."""
SIGNATURES = {signature.name: signature for signature in load_signatures([str(ROOT / "signatures")])}


@pytest.mark.parametrize("name", PROMISED)
def test_a_promised_signature_is_there_with_cases(name):
    cases = SIGNATURES[name].cases

    assert cases.find
    assert cases.ignore


RULES = {rule.id for rule in load_policy(None).rules} | {refusal.rule for refusal in BUILTIN.values()} | set(BUILT_IN)
"""Ids of rules, the gateway's own among them."""
EVENTS = {"inspectors.ready", "inspectors.problem", "inspectors.build-failed"}
"""Lines of the log that documents name; tests/deploy/test_runbook.py knows that they exist."""


def test_metrics_that_are_named_exist():
    served = {metric._name + ("_total" if metric._type == "counter" else "") for metric in CATALOGUE}
    served |= {name + suffix for name in served for suffix in ("_bucket", "_sum", "_count")}
    named = {(name, found) for name, text in TEXTS.items() for found in re.findall(r"\bsluice_[a-z_]+[a-z]\b", text)}

    assert {found for _, found in named} >= {"sluice_blocked_total", "sluice_sandbox_layers"}
    assert {(name, found) for name, found in named if found not in served} == set()


def test_settings_that_are_named_exist():
    named = {
        (name, match[1], match[2])
        for name, text in TEXTS.items()
        for code in code_of(text)
        if (match := re.match(r"([a-z_]+)\.([a-z_]+)(?:: .*)?$", code))
        and match[1] in SECTIONS
        and match[0] not in RULES | EVENTS
    }

    assert len(named) >= 20
    for name, section, key in named:
        assert hasattr(getattr(Settings(), section), key), (name, section, key)


def test_rules_that_are_named_exist():
    rooms = {rule.partition(".")[0] for rule in RULES} - {"identity"}
    own = {"drawings.webmail"}
    named = {
        (name, code)
        for name, text in TEXTS.items()
        for code in INLINE.findall(prose(text))
        if re.fullmatch(r"[a-z]+\.[a-z]+(?:-[a-z]+)*", code)
        and code.partition(".")[0] in rooms
        and code not in SIGNATURES
        and code not in own
    }

    assert {code for _, code in named} >= {"wire.upgrade", "wire.host-mismatch", "gateway.not-inspected"}
    assert {(name, code) for name, code in named if code not in RULES and not _is_promised(code)} == set()


def _is_promised(code):
    return code in PROMISED or code.startswith("marking.project-")


# --- numbers ---


def number(pattern, text=README):
    found = re.search(pattern, text)
    assert found is not None, pattern
    return int(found[1])


def texts_in(folder):
    return [
        entry
        for file in sorted((ROOT / "tests" / folder).glob("*.toml"))
        for entry in tomllib.loads(file.read_text("utf-8"))["text"]
    ]


def test_numbers_of_signatures_and_services():
    services = len(load_catalogue([str(path) for path in Settings().catalogue]).services)
    for text in (README, TEXTS["CHANGELOG.md"]):
        assert number(r"(\d+) signatures", text) == len(SIGNATURES)
        assert number(r"(\d+) services", text) == services
    assert number(r"(\d+) YARA rules") == len(load_yara([str(ROOT / "signatures")]).signatures)


def test_numbers_of_the_corpora():
    assert number(r"`tests/golden/` \((\d+) with") == len(texts_in("golden"))
    assert number(r"`tests/benign/` \((\d+) ordinary") == len(texts_in("benign"))


@pytest.mark.parametrize(
    ("code", "meaning"),
    [(0, "fine"), (cli_main.FAILED, "failed"), (cli_main.WRONG, "configuration"), (cli_main.REFUSED, "verdict")],
)
def test_exit_codes(code, meaning):
    assert re.search(rf"^\| {code} \| [^|]*{meaning}", README, re.MULTILINE)


# --- the first screen of the README ---


def test_it_begins_with_what_and_for_whom_then_one_command_then_its_output():
    first, rest = README.split("\n## What it does\n")
    paragraphs = [block for block in first.split("\n\n") if block]

    assert paragraphs[0] == "# Sluice"
    assert paragraphs[1].startswith("Sluice is ")
    assert paragraphs[2].startswith("For ")
    assert paragraphs[3] == "```\nmake run\n```"
    assert first.index("X-Sluice-Verdict".lower()) < first.index("incident  ") < first.index("](deploy/RUNBOOK.md")
    assert "## What it does not catch" in rest
    assert "![" not in README


def test_the_refusal_shown_is_what_the_code_answers():
    shown = re.search(r'\{"errcode".*?"\}', README, re.DOTALL)[0]
    incident = re.search(r"x-sluice-incident: (\S+)", README)[1]
    found = {"cn.resident-id": {"count": 1, "class": "personal"}, "cn.mobile": {"count": 1, "class": "contact"}}
    entry = {"name": "as shown", "to": {"category": "messaging"}, "parts": {"found": found}, "action": "block"}
    policy = load_policy(None)
    verdict = decide_case(CaseEntry.model_validate(entry | {"rules": []}), policy)
    answer = render(verdict, incident=incident, dialect="wecom", headers={})

    assert "".join(shown.split()) == "".join(json.dumps(json.loads(answer.body), ensure_ascii=False).split())
    assert number(r"content-length: (\d+)") == len(answer.body)
    told = [(f"{ground.rule} → {ground.action.word}", ground.says["en"]) for ground in verdict.grounds]
    assert re.findall(r"^why       (\S+ → \w+)  .*\n {10}(.*)$", README, re.MULTILINE) == told


def test_what_the_incident_shows_is_masked():
    output = README.partition("incidents show")[2].partition("```")[0]

    assert "**************002X" in output
    assert "11010519491231002X" not in output
    assert "13800138000" not in output


# --- changelog, decisions ---


def test_the_changelog_begins_with_this_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    first = re.search(r"^## \[(.+?)\] - (.+)$", TEXTS["CHANGELOG.md"], re.MULTILINE)

    assert first[1] == version
    assert first[2] == "unreleased" or date.fromisoformat(first[2])


def test_decisions_are_numbered_without_a_gap():
    numbers = [int(Path(name).name[:4]) for name in DECISIONS]

    assert len(numbers) >= 13
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_says_context_choice_and_price(name):
    lines = TEXTS[name].splitlines()

    assert lines[0].startswith(f"# {Path(name).name[:4]}: ")
    assert date.fromisoformat(lines[2][:10])
    assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Choice", "## Price"]
    assert len(lines) <= 60


@pytest.mark.parametrize("what", ["signature", "detector", "container", "endpoint"])
def test_contributing_takes_five_steps(what):
    section = TEXTS["CONTRIBUTING.md"].partition(f"## Add a{'n' * (what[0] == 'e')} {what}\n")[2].partition("\n## ")[0]

    assert re.findall(r"^(\d)\. ", section, re.MULTILINE) == ["1", "2", "3", "4", "5"]
