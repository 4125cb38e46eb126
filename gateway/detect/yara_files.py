"""Files of YARA rules and their cases → compiled, checked; every mistake with its file and line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yara
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway.detect.signatures import Cases, Confidence, FindCase, Klass, Signature, Title
from gateway.errors import ConfigError, Problem
from gateway.findings import Severity
from gateway.yamlfile import load_yaml, plain_message, pydantic_problems

FOLDER = "yara"
"""Folder of rules in a folder of signatures; also the key of their detector."""
MODULES = frozenset(("pe", "elf", "dotnet", "math", "hash", "string"))
"""Modules a rule may import: those that look at the bytes. `console` would print values, `time` reads the clock."""
MAX_RULES_BYTES = 4 * 1024 * 1024
"""Largest file of rules."""
_RULE = re.compile(r"^[ \t]*(?:(?:private|global)[ \t]+){0,2}rule[ \t]+(\w+)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+\"(\w+)\"", re.MULTILINE)
_LINE = re.compile(r"line (\d+): (.*)", re.DOTALL)


class _Meta(BaseModel):
    """What a rule says of itself; further keys (author, reference) are welcome."""

    model_config = ConfigDict(frozen=True)

    signature: str = Field(pattern=r"^[a-z0-9]+(?:[.-][a-z0-9]+)*$")
    title_zh: str = Field(min_length=1)
    title_en: str = Field(min_length=1)
    severity: Severity
    confidence: Annotated[float, Field(ge=0, le=1)]
    classes: tuple[Klass, ...]
    counts: str = Field(default="", pattern=r"^(?:\$\w*)?$")
    status: Literal["experimental", "stable"] = "stable"


class YaraCase(BaseModel):
    """Bytes to look at, as text in an encoding or in hex."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = ""
    encoding: Literal["utf-8", "utf-16-le", "utf-16-be", "gb18030"] = "utf-8"
    hex: str = Field(default="", pattern=r"^(?:\s*[0-9A-Fa-f]{2})*\s*$")
    count: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if bool(self.text) == bool(self.hex):
            raise ValueError("either text or hex must be given")
        return self

    @property
    def data(self) -> bytes:
        """The bytes."""
        return bytes.fromhex(self.hex) if self.hex else self.text.encode(self.encoding)


class YaraCases(BaseModel):
    """A signature's own tests; a bare text stands for a case in UTF-8 that counts one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    find: tuple[str | YaraCase, ...] = Field(min_length=1)
    ignore: tuple[str | YaraCase, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One file of rules that compiled."""

    path: str
    source: str
    rules: Any
    """`yara.Rules` of this file alone."""
    signatures: Mapping[str, str]
    """Rule → signature; private rules are not in it."""
    counts: Mapping[str, str]
    """Rule → string whose distinct places count, empty for none."""
    cases_path: str
    cases: Mapping[str, YaraCases]
    lines: Mapping[str, int]
    """Signature → line of its cases."""


def load_rule_files(directories: Sequence[str]) -> tuple[tuple[RuleFile, ...], dict[str, Signature]]:
    """Every file in the `yara` folders, and their signatures by name; raises ConfigError with every problem."""
    problems: list[Problem] = []
    files: list[RuleFile] = []
    signatures: dict[str, Signature] = {}
    for directory in directories:
        for path in sorted(str(path) for path in (Path(directory) / FOLDER).glob("*.yar")):
            try:
                file, own = _load(path)
            except ConfigError as error:
                problems += error.problems
                continue
            for name, signature in own.items():
                if name in signatures:
                    other = signatures[name]
                    message = f"signature {name!r} is already in {other.file}:{other.line}"
                    problems.append(Problem(path, signature.line, message))
                signatures[name] = signature
            files.append(file)
    if problems:
        raise ConfigError(problems)
    return tuple(files), signatures


def _load(path: str) -> tuple[RuleFile, dict[str, Signature]]:
    source = _source(path)
    rules = _compiled(path, source)
    lines = {hit[1]: source.count("\n", 0, hit.start(1)) + 1 for hit in _RULE.finditer(source)}
    problems: list[Problem] = []
    metas: dict[str, _Meta] = {}
    public = [rule for rule in rules if not rule.is_private]
    for rule in public:
        try:
            metas[rule.identifier] = _meta(rule.meta)
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False):
                message = f"rule {rule.identifier}: meta {one['loc'][0]}: {plain_message(one)}"
                problems.append(Problem(path, lines.get(rule.identifier, 0), message))
    cases_path = path.removesuffix(".yar") + ".cases.yaml"
    cases, case_lines, more = _cases(
        cases_path, {str(rule.meta["signature"]) for rule in public if "signature" in rule.meta}
    )
    if problems or more:
        raise ConfigError([*problems, *more])
    signatures: dict[str, Signature] = {}
    for rule, meta in metas.items():
        signature = _signature(meta, cases[meta.signature], path, lines.get(rule, 0))
        first = signatures.setdefault(meta.signature, signature)
        if (first.severity, first.classes, first.title) != (signature.severity, signature.classes, signature.title):
            message = f"rule {rule}: says something else of {meta.signature!r} than the rule in line {first.line}"
            problems.append(Problem(path, signature.line, message))
    if problems:
        raise ConfigError(problems)
    names = {rule: meta.signature for rule, meta in metas.items()}
    counts = {rule: meta.counts for rule, meta in metas.items()}
    return RuleFile(path, source, rules, names, counts, cases_path, cases, case_lines), signatures


def _source(path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the path is kept as the person wrote it
            data = file.read(MAX_RULES_BYTES + 1)
        source = data.decode()
    except OSError as error:
        raise ConfigError([Problem(path, 0, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(path, 0, f"is not UTF-8 (byte {error.start})")]) from None
    if len(data) > MAX_RULES_BYTES:
        raise ConfigError([Problem(path, 0, f"the file is larger than {MAX_RULES_BYTES} bytes")])
    return source


def _compiled(path: str, source: str) -> Any:  # noqa: ANN401 - the library has no types
    """The file's rules; a warning (a string that slows the scan of every upload) is a problem like any other."""
    problems = [
        Problem(
            path,
            source.count("\n", 0, hit.start(1)) + 1,
            f"module {hit[1]!r}: allowed are {', '.join(sorted(MODULES))}",
        )
        for hit in _IMPORT.finditer(source)
        if hit[1] not in MODULES
    ]
    if problems:
        raise ConfigError(problems)
    try:
        return yara.compile(source=source, includes=False, error_on_warning=True)
    except yara.WarningError as error:
        raise ConfigError([_placed(path, str(message)) for message in error.args[0]]) from None
    except yara.Error as error:
        raise ConfigError([_placed(path, str(error))]) from None


def _placed(path: str, message: str) -> Problem:
    """The compiler's message with its line taken out of it."""
    found = _LINE.match(message)
    return Problem(path, int(found[1]), found[2].strip()) if found else Problem(path, 0, message)


def _meta(meta: Mapping[str, Any]) -> _Meta:
    classes = [word.strip() for word in str(meta["classes"]).split(",")] if "classes" in meta else None
    values = {key: value for key, value in meta.items() if key != "classes"}
    return _Meta.model_validate(
        values | ({"classes": [word for word in classes if word]} if classes is not None else {})
    )


def _cases(path: str, names: set[str]) -> tuple[dict[str, YaraCases], dict[str, int], list[Problem]]:
    """Cases and their lines by signature; a problem for a signature without cases and cases without signature."""
    try:
        document = load_yaml(path)
    except ConfigError as error:
        return {}, {}, list(error.problems)
    if not isinstance(document.value, dict):
        return {}, {}, [document.problem((), "cases are a mapping of signatures to find and ignore")]
    cases, problems = dict[str, YaraCases](), list[Problem]()
    for name, value in document.value.items():
        if name not in names:
            problems.append(document.problem((name,), f"{name}: no rule of this file has that signature"))
            continue
        try:
            cases[name] = YaraCases.model_validate(value)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            problems += pydantic_problems(document, found, at=(name,))
    problems += [Problem(path, 0, f"{name}: has no cases") for name in sorted(names - document.value.keys())]
    return cases, {name: document.line((name,)) for name in cases}, problems


def _signature(meta: _Meta, cases: YaraCases, path: str, line: int) -> Signature:
    """What a rule says of itself, as other signatures are described; its text cases in UTF-8 are cases of the engine."""
    find = [FindCase(text=case) if isinstance(case, str) else case for case in cases.find]
    texts = [
        case if isinstance(case, FindCase) else FindCase(text=case.text, count=case.count)
        for case in find
        if isinstance(case, FindCase) or (case.text and case.encoding == "utf-8")
    ]
    ignore = [case if isinstance(case, str) else case.text for case in cases.ignore]
    return Signature(
        name=meta.signature,
        title=Title(zh=meta.title_zh, en=meta.title_en),
        severity=meta.severity,
        classes=meta.classes,
        detector=FOLDER,
        confidence=Confidence(base=meta.confidence, with_context=meta.confidence),
        mask="none",
        status=meta.status,
        # A rule for files of bytes alone has no case as text, which a file of signatures would not be allowed.
        cases=Cases.model_construct(find=tuple(texts), ignore=tuple(text for text in ignore if text)),
        file=path,
        line=line,
    )
