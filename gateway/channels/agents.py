"""Which service's app a program says it is, in the User-Agent of its CONNECT; a guess for people, never a ground."""

from __future__ import annotations

MAX_AGENT_CHARS = 512
"""Most characters that are looked at."""
AGENTS: tuple[tuple[str, str], ...] = (
    ("wxwork/", "wecom"),
    ("micromessenger", "wechat_app"),
    ("dingtalk", "dingtalk"),
    ("lark/", "lark"),
    ("feishu", "feishu"),
    ("slack", "slack"),
    ("teams/", "msteams"),
    ("telegram", "telegram"),
    ("whatsapp", "whatsapp"),
    ("discord", "discord"),
    ("kakaotalk", "kakaotalk"),
    ("signal-", "signal"),
    ("zoom", "zoom"),
    ("line/", "line"),
    (" qq/", "qq"),
    ("dropbox", "dropbox"),
)
"""Word in the User-Agent, lower case → catalogue id; the first that is found counts."""


def service_of_agent(agent: str) -> str:
    """Catalogue id of the app, empty when nobody knows.

    >>> service_of_agent("Mozilla/5.0 (Linux) MicroMessenger/8.0.50"), service_of_agent("curl/8.5.0")
    ('wechat_app', '')
    """
    text = agent[:MAX_AGENT_CHARS].lower()
    return next((service for word, service in AGENTS if word in text), "")
