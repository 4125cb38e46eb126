"""Guesses by User-Agent name services of the catalogue only."""

import pytest

from gateway.channels.agents import AGENTS, service_of_agent
from gateway.channels.protocols import PROTOCOLS
from gateway.destinations.catalogue import load_catalogue
from gateway.settings import Settings


@pytest.mark.parametrize(
    ("agent", "service"),
    [
        ("Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50", "wechat_app"),
        ("Mozilla/5.0 (iPhone) MicroMessenger/8.0 wxwork/4.1", "wecom"),
        ("com.tencent QQ/9.1", "qq"),
        ("DingTalk/7.5", "dingtalk"),
        ("Signal-Android/7.20", "signal"),
        ("online/1.0", "line"),
        ("curl/8.5.0", ""),
        ("", ""),
        ("x" * 600 + "slack", ""),
    ],
)
def test_guess(agent, service):
    assert service_of_agent(agent) == service


def test_every_guess_is_a_service_of_the_catalogue():
    known = load_catalogue([str(path) for path in Settings().catalogue]).services
    assert {service for _, service in AGENTS} <= set(known)
    assert {it.service for it in PROTOCOLS.values() if it.service} <= set(known)
