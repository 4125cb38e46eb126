"""What every module keeps: a mirror test, its size, one direction, no words that do not belong in the tree."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
SOURCES = [
    ROOT / name for name in TRACKED if re.fullmatch(r"(gateway|addons|metrics)/.*\.py", name) and (ROOT / name).exists()
]
MAX_MODULE_LINES, MAX_FUNCTION_LINES = 300, 40
EMPTY_PACKAGES = 5


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module(source):
    text = source.read_text("utf-8")
    lines = text.splitlines()
    assert len(lines) < MAX_MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert code_lines(node) <= MAX_FUNCTION_LINES, f"{node.name}, line {node.lineno}"
    if source.name == "__init__.py" and len(lines) <= EMPTY_PACKAGES:
        return
    name = "init" if source.name == "__init__.py" else source.stem
    assert (ROOT / "tests" / source.parent.relative_to(ROOT) / f"test_{name}.py").exists(), "has no test file"


def test_layers_and_forbidden_imports_hold():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "pattern",
    [
        r"/(?:wor|far)[k]/",
        r"pythonhoste[d]|pyp[i]\.org|registry\.npmj[s]|deb\.debia[n]",
        r"\.pyenv/version[s]/3\.\d+\.\d+",
        r"-----BEGIN (?:RSA |EC )?PRIVATE KEY-----\n[A-Za-z0-9+/=\n]{400,}",
    ],
    ids=["path of a machine", "registry host", "python of a machine", "private key"],
)
def test_no_tracked_file_holds(pattern):
    found = [
        name
        for name in TRACKED
        if (ROOT / name).is_file() and re.search(pattern, (ROOT / name).read_text("utf-8", "ignore"))
    ]
    assert found == []


def test_no_large_file():
    assert [name for name in TRACKED if (ROOT / name).is_file() and (ROOT / name).stat().st_size > 1_000_000] == []


def test_locks_hold_hashes_and_no_index():
    for name in ("runtime", "test"):
        text = (ROOT / "requirements" / f"{name}.lock").read_text("ascii")
        pins = re.findall(r"^[a-z0-9][\w.-]*==", text, re.MULTILINE)
        assert text.count("--hash=sha256:") >= len(pins) > 50
        assert "://" not in text


def test_lock_knows_every_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    locked = (ROOT / "requirements" / "runtime.lock").read_text("ascii")
    for need in project["dependencies"]:
        name = re.match(r"[\w.-]+", need)[0].lower().replace("_", "-").replace(".", "-")
        assert re.search(rf"^{re.escape(name)}==", locked, re.MULTILINE), name


@pytest.mark.parametrize(
    "command",
    [["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"]],
    ids=["format", "lint", "types"],
)
def test_style(command):
    done = subprocess.run(
        [Path(sys.executable).with_name(command[0]), *command[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
