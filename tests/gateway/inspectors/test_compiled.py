"""Compiled signatures on disk: found again, never trusted from others, never in the way."""

import os

from gateway.detect.detector import Trigger
from gateway.detect.matcher import Matcher
from gateway.inspectors import compiled
from gateway.inspectors.compiled import CompiledFiles


def files(tmp_path) -> CompiledFiles:
    (tmp_path / "run").mkdir(exist_ok=True)
    return CompiledFiles(tmp_path / "run" / "compiled")


def test_kept_and_found_again(tmp_path):
    cache = files(tmp_path)
    assert cache.get("a") is None
    cache.put("a", b"data")
    assert cache.get("a") == b"data"
    assert oct((tmp_path / "run" / "compiled" / "a").stat().st_mode)[-3:] == "600"


def test_what_others_may_write_is_not_used(tmp_path):
    cache = files(tmp_path)
    cache.put("a", b"data")
    (tmp_path / "run" / "compiled" / "a").chmod(0o622)
    assert cache.get("a") is None


def test_nothing_is_made_where_no_gateway_has_run(tmp_path):
    CompiledFiles(tmp_path / "run" / "compiled").put("a", b"data")
    assert list(tmp_path.iterdir()) == []


def test_disk_that_fails_is_not_in_the_way(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "compiled").write_bytes(b"")
    CompiledFiles(tmp_path / "run" / "compiled").put("a", b"data")


def test_only_the_newest_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "MAX_FILES", 2)
    cache = files(tmp_path)
    for number, key in enumerate("abc"):
        cache.put(key, b"data")
        os.utime(tmp_path / "run" / "compiled" / key, (number, number))
    cache.put("d", b"data")
    assert sorted(path.name for path in (tmp_path / "run" / "compiled").iterdir()) == ["c", "d"]


def test_matcher_out_of_the_cache_finds_the_same(tmp_path):
    cache = files(tmp_path)
    triggers = [Trigger("绝密"), Trigger("机密")]
    first = Matcher(triggers, cache=cache).scan_text("绝密 110105")
    (kept,) = (tmp_path / "run" / "compiled").iterdir()
    assert Matcher(triggers, cache=cache).scan_text("绝密 110105") == first
    kept.write_bytes(b"damaged")
    assert Matcher(triggers, cache=cache).scan_text("绝密 110105") == first
    assert kept.read_bytes() != b"damaged"
    assert Matcher((), cache=cache).scan_text("x").ends == {}
