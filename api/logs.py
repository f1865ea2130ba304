"""Logs: one JSON line an event, with ids, codes and durations; never bodies, plaintext or drivers' messages."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "id", "method", "route", "status", "milliseconds", "kind", "rule", "fired",
        "host", "port", "count",
    }
)  # fmt: skip


def only_allowed(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Drop every key that is not on the list: a new one has to be thought about first."""
    return {name: value for name, value in event.items() if name in ALLOWED}


def _to_stderr(*_: Any) -> structlog.PrintLogger:
    """Return a logger on what is standard error when it speaks, which need not be what it was at the start."""
    return structlog.PrintLogger(sys.stderr)


def configure(level: str) -> None:
    """Set the logs up for this process; libraries speak only from warnings on, and without their tracebacks."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_allowed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        level=logging.WARNING, format='{"event": "library", "level": "%(levelname)s", "kind": "%(name)s"}'
    )
