"""The log goes to what is standard error when a line is written."""

import io
import json
import sys
from collections.abc import Iterator

import pytest
import structlog

from api import logs


@pytest.fixture
def restored() -> Iterator[None]:
    """Put the configuration of the logs back."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("restored")
def test_a_line_is_written_after_the_standard_error_of_the_start_was_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    at_the_start, now = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", at_the_start)
    logs.configure("info")
    at_the_start.close()
    monkeypatch.setattr(sys, "stderr", now)
    structlog.get_logger().info("request", status=200, words="a name")
    line = json.loads(now.getvalue())
    assert (line["event"], line["status"]) == ("request", 200)
    assert "words" not in line
