"""The frame of all commands: help with an example, exit codes, no traceback for what is ours."""

import errno
import io
import runpy
import subprocess
import sys
from types import SimpleNamespace

import click
import pytest

from gateway.cli.main import COMMANDS, FAILED, REFUSED, WRONG, cli, main
from gateway.errors import ConfigError, Problem, StartError

LEAVES = [
    ("run",),
    ("check",),
    ("inspect",),
    ("demo",),
    ("incidents",),
    ("incidents", "list"),
    ("incidents", "show"),
    ("policy",),
    ("policy", "test"),
    ("policy", "list"),
    ("policy", "show"),
    ("policy", "diff"),
    ("replay",),
    ("audit",),
    ("audit", "verify"),
    ("signatures",),
    ("signatures", "test"),
    ("ca",),
    ("pac",),
]


def test_commands_are_those_of_this_version():
    assert list(COMMANDS) == [
        "run", "check", "inspect", "demo", "incidents", "policy", "replay", "catalogue", "passthrough", "audit", "signatures", "ca", "pac",
    ]  # fmt: skip
    assert (FAILED, WRONG, REFUSED) == (1, 2, 3)


@pytest.mark.parametrize("command", LEAVES, ids=" ".join)
def test_every_command_has_help_with_an_example(sluice, command):
    done = sluice(*command, "--help")
    assert (done.code, done.err) == (0, "")
    assert "  Example: " in done.out or "  Example:\n" in done.out
    assert f"Usage: sluice {' '.join(command)}" in done.out
    assert all(len(line) <= 80 for line in done.lines)
    assert sluice(*command, "-h").out == done.out


@pytest.mark.parametrize(
    "command",
    [leaf for leaf in LEAVES if leaf not in {("demo",), ("incidents",), ("policy",), ("audit",), ("signatures",)}],
    ids=" ".join,
)
def test_every_command_takes_a_settings_file(sluice, command):
    assert "--config FILE" in sluice(*command, "--help").out


def test_list_of_commands_is_read_whole(sluice):
    done = sluice("--help")
    listed = done.lines[done.lines.index("Commands:") + 1 :]
    assert not [line for line in listed if line.endswith("...")]
    assert [line.split()[0] for line in listed[: len(COMMANDS)]] == list(COMMANDS)


@pytest.mark.parametrize(
    "wrong",
    [("nonsense",), ("check", "--nonsense"), ("inspect",), ("incidents", "release", "1"), ("incidents", "close", "1")],
    ids=" ".join,
)
def test_wrong_usage(sluice, wrong):
    done = sluice(*wrong)
    assert (done.code, done.out) == (WRONG, "")
    assert "Error: " in done.err


def test_version(sluice):
    assert sluice("--version").out == "sluice, version 0.1.0\n"


def test_unknown_command_is_none():
    assert cli.get_command(click.Context(cli), "nonsense") is None


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        pytest.param(None, 0, "", id="nothing"),
        pytest.param(
            ConfigError([Problem("b", 2, "y"), Problem("a", 1, "x")]), WRONG, "a:1: x\nb:2: y\n", id="settings"
        ),
        pytest.param(StartError("the disk is gone"), FAILED, "sluice: the disk is gone\n", id="ours"),
        pytest.param(click.ClickException("no such file"), FAILED, "Error: no such file\n", id="click's"),
        pytest.param(
            click.UsageError("no"),
            WRONG,
            "Usage: sluice pac [OPTIONS]\nTry 'sluice pac --help' for help.\n\nError: no\n",
            id="usage",
        ),
        pytest.param(click.Abort(), FAILED, "", id="Ctrl-C"),
        pytest.param(KeyboardInterrupt(), FAILED, "\n", id="Ctrl-C in a command"),
        pytest.param(
            OSError(errno.ENOSPC, "No space left on device"), FAILED, "sluice: No space left on device\n", id="full"
        ),
        pytest.param(
            OSError(errno.EACCES, "Permission denied", "f"), FAILED, "sluice: f: Permission denied\n", id="file"
        ),
        pytest.param(OSError(), FAILED, "sluice: OSError\n", id="OSError without a word"),
    ],
)
def test_what_a_command_raises(monkeypatch, capsys, error, code, told):
    @click.command()
    def command():
        if error:
            raise error

    monkeypatch.setitem(COMMANDS, "pac", "fake")
    monkeypatch.setattr("gateway.cli.main.importlib.import_module", lambda name: SimpleNamespace(command=command))
    assert main(["pac"]) == code
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(("given", "code"), [(0, 0), (3, 3), (None, 0), ("text", 0)])
def test_exit_code_of_a_command(monkeypatch, given, code):
    command = click.Command("pac", callback=lambda: given)
    monkeypatch.setattr("gateway.cli.main.importlib.import_module", lambda name: SimpleNamespace(command=command))
    assert main(["pac"]) == code


def test_locale_without_chinese_ends_no_command(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", out)
    command = click.Command("pac", callback=lambda: click.echo("名单 é \udcff"))
    monkeypatch.setattr("gateway.cli.main.importlib.import_module", lambda name: SimpleNamespace(command=command))
    assert main(["pac"]) == 0
    out.flush()
    assert out.buffer.getvalue() == b"\\u540d\\u5355 \xe9 \\udcff\n"


def test_output_that_is_no_text_stream(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert main(["--version"]) == 0


def test_reader_that_goes_away_is_no_fault_of_ours():
    command = [sys.executable, "-m", "gateway.cli.main", "pac"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
    assert process.returncode == 1


def test_as_a_module(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sluice", "--version"])
    monkeypatch.delitem(sys.modules, "gateway.cli.main")
    with pytest.raises(SystemExit, match=r"^0$"):
        runpy.run_module("gateway.cli.main", run_name="__main__")
    assert capsys.readouterr().out == "sluice, version 0.1.0\n"
