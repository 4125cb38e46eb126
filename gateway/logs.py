"""Logging of every process: JSON lines on stderr, ids and kinds only, never anything taken from a payload."""

from __future__ import annotations

import sys

import structlog


def log_to_stderr() -> None:
    """Set structlog up for this process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
