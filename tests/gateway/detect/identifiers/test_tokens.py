import pytest

from gateway.detect.identifiers.tokens import GITHUB_TOKEN, JWT, SLACK_TOKEN
from tests.samples.detection import values

HEAD, BODY = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "eyJzdWIiOiIxMDAiLCJuYW1lIjoic2FtcGxlIn0"
SIGN = "oxT5jsbLIyiPupbyzMthIV7pcJUTPVMFThwjeeTSxtb"
TOKEN = "d8Cp3ms6crgGuWFoB1NnklR5ryOWMJy7fz5z"


@pytest.mark.parametrize(
    ("detector", "text"),
    [
        pytest.param(JWT, f"{HEAD}.{BODY}.{SIGN}", id="JWT"),
        pytest.param(GITHUB_TOKEN, f"ghp_{TOKEN}", id="GitHub"),
        pytest.param(GITHUB_TOKEN, f"github_pat_{TOKEN[:22]}_{TOKEN}{TOKEN[:23]}", id="GitHub, fine-grained"),
        pytest.param(GITHUB_TOKEN, f"glpat-{TOKEN[:20]}", id="GitLab"),
        pytest.param(SLACK_TOKEN, f"xoxb-123456789012-{TOKEN[:24]}", id="Slack bot"),
        pytest.param(SLACK_TOKEN, "xapp-1-A0123456789-1234567890123-" + "0123456789abcdef" * 4, id="Slack app"),
        pytest.param(SLACK_TOKEN, f"hooks.slack.com/services/T0A1B2C3D/B0A1B2C3D/{TOKEN[:24]}", id="Slack hook"),
    ],
)
def test_finds(detector, text):
    assert values(detector, f'auth: "{text}"') == {text}


@pytest.mark.parametrize(
    ("detector", "text"),
    [
        pytest.param(JWT, f"{HEAD}.{BODY}", id="JWT without signature"),
        pytest.param(JWT, f"eyJub3RoaW5nIjoxLCJtb3JlIjoyfQ.{BODY}.{SIGN}", id="JWT without algorithm"),
        pytest.param(JWT, f"eyJub3RoaW5nIjoxLCJtb3JlI.{BODY}.{SIGN}", id="JWT with a head no base64 has"),
        pytest.param(JWT, f"x{HEAD}.{BODY}.{SIGN}", id="JWT inside a word"),
        pytest.param(GITHUB_TOKEN, f"ghp_{TOKEN[:35]}", id="GitHub, short"),
        pytest.param(GITHUB_TOKEN, "ghp_" + "x" * 36, id="GitHub, placeholder"),
        pytest.param(SLACK_TOKEN, "xoxb-your-token-here", id="Slack, placeholder"),
        pytest.param(SLACK_TOKEN, "xoxb-" + "x" * 12 + "-" + "x" * 24, id="Slack, stars"),
    ],
)
def test_ignores(detector, text):
    assert values(detector, text) == set()
