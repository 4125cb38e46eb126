"""What a real gateway recorded, decided again: the same policy changes nothing, a draft what it says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.demo.samples import NEWS
from gateway.limits import MIB
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e
WECOM = "https://qyapi.weixin.qq.com/cgi-bin/media/upload?type=file"
DEFAULT = Path("gateway/policy/data/default.yaml")


def upload(gateway, *options: str) -> int:
    command = ["curl", "-sS", "-x", gateway.proxy, "--cacert", str(gateway.ca), "--max-time", "60", *options, WECOM]
    done = subprocess.run([*command, "-o", "/dev/null", "-w", "%{http_code}"], capture_output=True, check=False)
    return int(done.stdout or 0)


def replay(gateway, draft) -> dict:
    """The answer of `sluice replay`; its exit code under `code`."""
    config = gateway.folder / "replay.yaml"
    config.write_text(json.dumps({"state_dir": str(gateway.state)}), "utf-8")
    command = [sys.executable, "-m", "gateway.cli.main", "replay", "--config", str(config), "--policy", str(draft)]
    done = subprocess.run([*command, "--json"], capture_output=True, check=False)
    return json.loads(done.stdout) | {"code": done.returncode}


def test_what_was_recorded_is_decided_again(gateway, tmp_path):
    for name, data in (("a.txt", NEWS.encode()), ("b.txt", b"11010519491231002X"), ("c.pdf", b"%PDF-1.7 broken")):
        (tmp_path / name).write_bytes(data)
    with (tmp_path / "big.bin").open("wb") as file:
        file.truncate(60 * MIB)
    names = ("a.txt", "b.txt", "c.pdf", "big.bin")
    assert [upload(gateway, "-F", f"media=@{tmp_path / name}") for name in names] == [200, 403, 403, 413]
    same = eventually(lambda: (found := replay(gateway, DEFAULT)) and found["total"] >= len(names) and found)
    keys = ("code", "would_block", "would_release", "unknown", "not_replayed_exactly")
    assert [same[key] for key in keys] == [0, 0, 0, 0, {}]

    draft = tmp_path / "draft.yaml"
    text = DEFAULT.read_text("utf-8").partition("\ncases:")[0]
    text = text.replace("over_mb: 50", "over_mb: 100").replace(
        "reason: malformed}\n    action: block", "reason: malformed}\n    action: log"
    )
    draft.write_text(text, "utf-8")
    found = replay(gateway, draft)
    assert [found[key] for key in keys[:3]] == [0, 0, 1]
    assert found["not_replayed_exactly"] == {"by-length": 1}
    assert found["rules"]["would-release"] == {"unreadable.damaged": 1}
