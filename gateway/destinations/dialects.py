"""Names of the error shapes that a refusal can be told in; the shapes themselves are in `gateway.refusal.dialects`."""

from __future__ import annotations

from typing import Literal, get_args

type Dialect = Literal[
    "none",
    "wecom",
    "dingtalk",
    "feishu",
    "baidu",
    "slack",
    "telegram",
    "discord",
    "matrix",
    "zulip",
    "dropbox",
    "box",
    "s3",
    "azure",
    "google",
    "graph",
    "github",
    "gitlab",
    "openai",
    "anthropic",
]

DIALECTS: tuple[str, ...] = get_args(Dialect.__value__)[1:]
"""All but `none`; the catalogue names no other, and each has a shape."""
