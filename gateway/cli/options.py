"""Options that commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

from gateway.config import load_settings
from gateway.settings import Settings


def config_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--config FILE`, by default ./sluice.yaml where it exists, else the embedded default."""
    option = click.option(
        "--config",
        metavar="FILE",
        type=click.Path(dir_okay=False),
        help="Settings file. Default: ./sluice.yaml where it exists, else the embedded default.",
    )
    return option(function)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--json`: one JSON object a line."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")(function)


def settings_of(config: str | None) -> Settings:
    """The settings; raises ConfigError with every problem."""
    return load_settings(config, os.environ)
