"""Commands called in this process, in a folder of their own."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.cli.main import main


@dataclass
class Done:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, without a settings file in it and without settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [*os.environ]:
        if name.startswith("SLUICE") or name in {"LC_ALL", "LC_MESSAGES", "LANG", "COLUMNS"}:
            monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def sluice(folder, capsys):
    """`sluice("check", "--config", …)`."""

    def call(*arguments: str | Path) -> Done:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Done(code, *capsys.readouterr())

    return call


@pytest.fixture
def config(folder):
    """`config(state_dir=…)` writes a settings file and gives its path."""

    def write(**settings) -> Path:
        path = folder / "sluice.yaml"
        path.write_text(json.dumps(settings, default=str), "utf-8")
        return path

    return write


def pytest_collection_modifyitems(items):
    """Commands fork, and other tests may have left threads: the child does what it was made for and ends."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.filterwarnings("ignore:This process.*fork:DeprecationWarning"))
