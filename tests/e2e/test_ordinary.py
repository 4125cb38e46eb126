"""Ordinary traffic of web pages passes: logins, tokens, telemetry, signatures; the same in a file does not."""

import json
import random
import subprocess

import pytest

pytestmark = pytest.mark.e2e
JWT = (
    "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJzdWIiOiAiMTAwIiwgIm5hbWUiOiAic2FtcGxlIiwgImlhdCI6IDE1MTYyMzkwMjJ9."
    "oxT5jsbLIyiPupbyzMthIV7pcJUTPVMFThwjeeTSxtb"
)
RNG = random.Random(7)


def post(gateway, body: str, kind: str) -> str:
    path = gateway.folder / "body"
    path.write_text(body, "utf-8")
    command = ["curl", "-sS", "-x", gateway.proxy, "--cacert", str(gateway.ca), "-o", "/dev/null", "-w", "%{http_code}"]
    command += ["-H", f"Content-Type: {kind}", "--data-binary", f"@{path}", "https://upload.example.com/api"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"username": "zhang", "password": "abc12345", "captcha": "x7k2"}, id="login"),
        pytest.param({"grant_type": "refresh_token", "refresh_token": JWT}, id="token"),
        pytest.param({"events": [{"id": RNG.getrandbits(63)} for _ in range(300)]}, id="telemetry"),
        pytest.param({"text": "好的，周五见。\nlilei@example.com\n13800138000"}, id="signature"),
        pytest.param({"query": "今天的天气怎么样", "model": "chat", "stream": True}, id="question"),
    ],
)
def test_ordinary_json(gateway, origin, body):
    assert post(gateway, json.dumps(body, ensure_ascii=False), "application/json") == "200"
    assert len(origin.requests) == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(
            json.dumps({"text": "数据库密码 password=Tr0ub4dor&3"}), "application/json", id="password in a message"
        ),
        pytest.param("db:\n  password: Tr0ub4dor&3\n", "application/yaml", id="password in a file"),
        pytest.param(f"token = {JWT}\n", "text/plain", id="token in a file"),
    ],
)
def test_the_same_elsewhere(gateway, origin, body, kind):
    assert post(gateway, body, kind) == "403"
    assert origin.connections == 0
