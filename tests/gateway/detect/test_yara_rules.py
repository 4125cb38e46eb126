"""YARA rules: what they find in bytes, how they fail."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yara

from gateway.detect.detector import Detector, Document
from gateway.detect.match import Match
from gateway.detect.yara_files import load_rule_files
from gateway.detect.yara_rules import YaraDetector, YaraResult, YaraRules, load_yara
from gateway.errors import ConfigError, DetectorError
from gateway.parts import Part

SHIPPED = str(Path(__file__).parents[3] / "signatures")
META = 'signature = "test.{0}" title_zh = "测试" title_en = "Test" severity = "low" confidence = "0.8" classes = ""'


def rules_of(
    tmp_path: Path, strings: str, condition: str = "any of them", *, name: str = "own", counts: str = ""
) -> YaraRules:
    """Rules of one file with one rule."""
    (tmp_path / "yara").mkdir(exist_ok=True)
    meta = META.format(name) + (f' counts = "{counts}"' if counts else "")
    strings = f"strings: {strings}" if strings else ""
    private = 'private rule helper { strings: $a = "helper-word" condition: $a }'
    text = f"{private}\nrule {name} {{ meta: {meta} {strings} condition: {condition} }}"
    (tmp_path / "yara" / f"{name}.yar").write_text(text, encoding="utf-8")
    cases = f"test.{name}:\n  find: [made-up-word]\n  ignore: [nothing]\n"
    (tmp_path / "yara" / f"{name}.cases.yaml").write_text(cases, encoding="utf-8")
    return load_yara([str(tmp_path)])


@pytest.fixture(scope="module")
def shipped() -> YaraRules:
    return load_yara([SHIPPED])


def test_shipped_rules_keep_their_cases(shipped: YaraRules) -> None:
    assert [str(problem) for problem in shipped.failed_cases()] == []
    assert sorted(shipped.signatures) == [
        "file.database-dump",
        "file.dwg-drawing",
        "file.solidworks",
        "secret.env-file",
        "secret.gcp-service-account",
        "secret.keepass",
        "secret.key-file",
        "secret.kubeconfig",
        "secret.shadow-file",
        "secret.windows-sam",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "gb18030"])
def test_a_key_is_found_in_every_encoding_and_at_any_place(shipped: YaraRules, encoding: str) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n"
    data = ("前文 " * 1000 + key).encode(encoding)
    assert [result.signature for result in shipped.match(data)] == ["secret.key-file"]


def test_no_result_for_a_key_that_is_cut_in_its_first_line(shipped: YaraRules) -> None:
    line = b"-----BEGIN PRIVATE KEY-----\n"
    assert [[*shipped.match(line[:length])] for length in range(len(line) + 1)] == [[]] * (len(line) + 1)


def test_results_have_offsets_and_no_values(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, '$a = "made-up-word" $b = /word-[0-9]{2}/', counts="$b")
    data = b"made-up-word word-17 helper-word word-18 word-17"
    assert [*rules.match(data)] == [YaraResult("test.own", "own", 2, (13, 33))]
    assert [*rules.match(memoryview(data))] == [YaraResult("test.own", "own", 2, (13, 33))]
    assert [*rules.match(b"made-up-word")] == [YaraResult("test.own", "own", 0, ())]


def test_a_rule_that_counts_nothing_tells_its_first_place(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, '$a = "made-up-word" $b = "other-word"')
    assert [*rules.match(b"xx other-word made-up-word other-word")] == [YaraResult("test.own", "own", 1, (3,))]


def test_a_rule_by_its_condition_alone(tmp_path: Path) -> None:
    assert [*rules_of(tmp_path, "", "filesize == 3").match(b"abc")] == [YaraResult("test.own", "own", 1, ())]


@pytest.mark.parametrize("data", [b"", memoryview(b""), b"nothing"])
def test_nothing_found(tmp_path: Path, data: bytes) -> None:
    assert [*rules_of(tmp_path, '$a = "made-up-word"').match(data)] == []


def test_no_rules_find_nothing(tmp_path: Path) -> None:
    rules = load_yara([str(tmp_path)])
    assert [*rules.match(b"abc")] == []
    assert rules.failed_cases() == ()


def test_failed_cases_name_their_place(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, '$a = "nothing"')
    assert [str(problem).removeprefix(f"{tmp_path}/yara/") for problem in rules.failed_cases()] == [
        "own.cases.yaml:1: test.own: find[0]: 0 found, 1 expected",
        "own.cases.yaml:1: test.own: ignore[0]: 1 found, 0 expected",
    ]


SLOW = "for all i in (1..4000000000) : ( i > 0 )"


def test_a_slow_file_is_named(tmp_path: Path) -> None:
    rules_of(tmp_path, '$a = "made-up-word"', name="quick")
    rules = rules_of(tmp_path, "", SLOW, name="slow")
    with pytest.raises(DetectorError) as error:
        list(rules.match(b"abc", timeout_s=0.5))
    assert (error.value.detector, error.value.kind) == (f"{tmp_path}/yara/slow.yar", "timeout")


def test_rules_that_are_slow_together_only(tmp_path: Path) -> None:
    rules_of(tmp_path, "", SLOW, name="slow")
    files, signatures = load_rule_files([str(tmp_path)])
    rules = YaraRules(files, signatures)
    # No file of its own is left to blame.
    rules._files.clear()
    with pytest.raises(DetectorError) as error:
        list(rules.match(b"abc", timeout_s=1))
    assert (error.value.detector, error.value.kind) == ("yara", "timeout")


def test_more_places_than_yara_keeps_are_an_error(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, '$a = "aaaa"')
    with pytest.raises(DetectorError) as error:
        list(rules.match(b"a" * 1_100_000))
    assert (error.value.detector, error.value.kind) == ("yara", "too-many-places")


@pytest.fixture
def tiny_stack() -> Iterator[None]:
    """Rules that run with room for two values."""
    yara.set_config(stack_size=2)
    yield
    yara.set_config(stack_size=16384)


@pytest.mark.usefixtures("tiny_stack")
def test_any_other_error_of_the_library_is_a_detector_error(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, "", "filesize + (filesize + (filesize + (filesize + filesize))) > 1")
    with pytest.raises(DetectorError) as error:
        list(rules.match(b"abc"))
    assert (error.value.detector, error.value.kind) == ("yara", "Error")


def test_wrong_rules_do_not_load(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"own\.yar:2: undefined string"):
        rules_of(tmp_path, '$a = "made-up-word"', "$b")


def test_the_detector_tells_one_match_per_counted_value(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, "$b = /word-[0-9]{2}/", counts="$b")
    detector = YaraDetector(rules)
    assert isinstance(detector, Detector)
    assert list(detector.triggers(rules.signatures)) == []
    document = Document(Part("a", "a", 3, "feed", "", "text/plain", b"word-17 word-18"), ())
    assert list(detector.find(document, rules.signatures)) == [
        Match("test.own", 0, 0, "test.own|feed|0", 0.8, location="byte 0"),
        Match("test.own", 0, 0, "test.own|feed|8", 0.8, location="byte 8"),
    ]


def test_the_detector_tells_a_rule_without_places_too(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, "", "filesize == 3")
    document = Document(Part("a", "a", 3, "feed", "", "text/plain", b"abc"), ())
    matches = list(YaraDetector(rules, timeout_s=5).find(document, rules.signatures))
    assert [match.location for match in matches] == ["byte 0"]
