import pytest

from gateway.console import formats


@pytest.mark.parametrize(
    ("at", "local", "utc"),
    [
        pytest.param("2026-03-01T12:00:00.123Z", "2026-03-01 20:00:00", "2026-03-01 12:00:00 UTC", id="usual"),
        pytest.param("2026-12-31T16:00:00Z", "2027-01-01 00:00:00", "2026-12-31 16:00:00 UTC", id="over the new year"),
        pytest.param("2026-03-01T12:00:00+02:00", "2026-03-01 18:00:00", "2026-03-01 10:00:00 UTC", id="another zone"),
        pytest.param("", "", "", id="none"),
        pytest.param("yesterday\u202e", "yesterday⟨U+202E⟩", "yesterday⟨U+202E⟩", id="no time"),
        pytest.param(
            "9999-12-31T23:00:00-10:00", "9999-12-31T23:00:00-10:00", "9999-12-31T23:00:00-10:00", id="too late"
        ),
    ],
)
def test_times(at, local, utc):
    assert (formats.local_time(at), formats.utc_time(at)) == (local, utc)


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"),
        (50 * 1024 * 1024, "50.0 MiB"),
        (3 * 1024**3, "3.0 GiB"),
        (10**17, "90,949.5 TiB"),
    ],
)
def test_size(size_bytes, expected):
    assert formats.size(size_bytes) == expected


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        pytest.param(5, 5, "100 %", id="all"),
        pytest.param(0, 5, "0 %", id="nothing"),
        pytest.param(999_999, 1_000_000, "99.9 %", id="nearly all is not all"),
        pytest.param(1, 1_000_000, "0.1 %", id="nearly nothing is not nothing"),
        pytest.param(1, 3, "33.3 %", id="a third"),
    ],
)
def test_percent(part, whole, expected):
    assert formats.percent(part, whole) == expected


def test_counts_and_durations():
    assert formats.count(1234567) == "1,234,567"
    assert [formats.duration(ms) for ms in (0.04, 999.9, 1000, 61_250)] == ["0.0 ms", "999.9 ms", "1.00 s", "61.25 s"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("合同 2026.xlsx", "合同 2026.xlsx", id="plain"),
        pytest.param("a\u202egpj.exe", "a⟨U+202E⟩gpj.exe", id="right-to-left override"),
        pytest.param("a\u200bb\ufeff", "a⟨U+200B⟩b⟨U+FEFF⟩", id="no width"),
        pytest.param("a\nb\x00\x1b[31m", "a⟨U+000A⟩b⟨U+0000⟩⟨U+001B⟩[31m", id="controls"),
        pytest.param("a\ud800", "a⟨U+D800⟩", id="half a surrogate pair"),
        pytest.param("a\u2028b\U000e0041", "a⟨U+2028⟩b⟨U+E0041⟩", id="line separator and tag"),
    ],
)
def test_visible(text, expected):
    assert formats.visible(text) == expected


def test_long_names_keep_both_ends():
    assert formats.shown("a" * 160) == "a" * 160
    assert formats.shown("x" * 300 + ".xlsx") == "x" * 106 + "…" + "x" * 48 + ".xlsx"
    assert formats.shown("\u202e" * 10, 4) == "⟨U+202E⟩⟨U+202E⟩…⟨U+202E⟩"
    assert len(formats.whole("x" * 10_000)) == 2000
