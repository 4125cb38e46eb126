"""What a process writes to its log: one JSON object a line, readable Chinese, UTC."""

import json
import sys

import pytest
import structlog

from gateway.logs import log_to_stderr


@pytest.fixture(autouse=True)
def _as_before():
    yield
    structlog.reset_defaults()


def test_one_json_object_a_line(capsys, monkeypatch):
    log_to_stderr()
    structlog.get_logger().error("process died", kind="worker", where="名单\n第二行", exit=-9)
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    line = json.loads(err)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "process died", "kind": "worker", "where": "名单\n第二行", "exit": -9, "level": "error"}
    assert "名单" in err


def test_value_that_json_does_not_know_is_written_as_text(capsys):
    log_to_stderr()
    structlog.get_logger().info("path", path=sys.__class__)
    assert json.loads(capsys.readouterr().err)["path"] == "<class 'module'>"
