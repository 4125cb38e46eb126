from __future__ import annotations

from datetime import date

import pytest

from gateway.errors import ConfigError
from gateway.inspectors.build import build_inspect, build_inspector, today
from gateway.settings import Settings
from tests.samples.inspectors import TRANSFER


def test_the_inspection_of_the_shipped_signatures_finds_and_masks():
    found = build_inspect(Settings())(TRANSFER, b'{"id": "11010519491231002X"}')
    assert found.distinct == {"cn.resident-id": 1}
    assert "11010519491231002X" not in repr(found)


def test_every_transfer_has_a_key_of_its_own():
    inspector = build_inspector(Settings())
    assert len({inspector.new_key() for _ in range(9)}) == 9
    assert len(inspector.new_key()) == 32


def test_signature_files_that_are_wrong_are_refused(tmp_path):
    (tmp_path / "yara").mkdir()
    (tmp_path / "yara" / "x.yar").write_text("rule {")
    with pytest.raises(ConfigError):
        build_inspect(Settings.model_validate({"signatures": [str(tmp_path)]}))


def test_today_is_a_date():
    assert isinstance(today(), date)
