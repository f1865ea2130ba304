"""Two people of two organisations who agree, over HTTP, to what a command was refused for."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

PROGRAM = (sys.executable, "-c", "from api.cli import main; main()")
ASKS = ("coordinator", "COORDINATION", "coordinator")
AGREES = ("monitoring-officer", "MONITORING", "monitoring_staff")
ACT = "POST /v1/approvals "

PATIENCE = 120.0
"""Seconds: a machine that has much else to do is no fault of ours, and nobody waits longer than needed."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_for(url: str) -> httpx.Response:
    """Return the answer of a service that is starting."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            return httpx.get(url, timeout=PATIENCE)
        except httpx.ConnectError:
            time.sleep(0.1)
    pytest.fail("the service does not answer")


def act_refused(said: str) -> dict[str, Any] | None:
    """Return the act that a refused command says must be agreed on, if that is why it was refused."""
    acts = [line.removeprefix(ACT) for line in said.splitlines() if line.startswith(ACT)]
    found: dict[str, Any] | None = json.loads(acts[0]) if acts else None
    return found


def token_of(environment: Mapping[str, str], who: tuple[str, str, str]) -> str:
    """Return an access token that the installation issues."""
    made = subprocess.run(  # noqa: S603 - our own program
        [*PROGRAM, "token", *who], env=dict(environment), capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    return made.stdout.strip()


def agree(environment: Mapping[str, str], act: dict[str, Any]) -> None:
    """Serve the installation; a coordinator asks for the act, and monitoring staff agrees to it."""
    asks, agrees = token_of(environment, ASKS), token_of(environment, AGREES)
    serving = subprocess.Popen(  # noqa: S603 - our own program
        [*PROGRAM, "serve"],
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{environment['NRM_PORT']}"
        assert wait_for(f"{address}/health/ready").status_code == 200
        approval = posted(f"{address}/v1/approvals", asks, act)["id"]
        posted(f"{address}/v1/approvals/{approval}/decision", agrees, {"decision": "approved"})
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.wait(timeout=PATIENCE)


def posted(url: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
    """Post and return what was answered."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"agreeing-{time.monotonic_ns()}"}
    answer = httpx.post(url, headers=headers, json=body, timeout=PATIENCE)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json() if answer.content else {}
    return found
