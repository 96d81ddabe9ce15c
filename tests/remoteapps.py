"""Apps of no SDK: what a test lets an app answer, word by word, and how such an app is registered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from runtimes import Harness
from scripted_server import Received, reply

from workflowkit.inngest.server import AppServer

Answer = Callable[[Received], bytes | Iterable[bytes]]
SDK = {"x_inngest_sdk": "inngest-py:v0.5.19"}


def register(harness: Harness, url: str, *, retries: int = 0) -> None:
    """Register the function ``shop-f`` for the event ``go``."""
    step = {"id": "step", "name": "step", "runtime": {"type": "http", "url": url}, "retries": {"attempts": retries}}
    function = {"id": "shop-f", "name": "F", "triggers": [{"event": "go"}], "steps": {"step": step}}
    payload = {"appName": "shop", "url": url, "sdk": "py:v0.5.19", "functions": [function]}
    AppServer(lambda: harness.runtime).register(payload)


def operations(*entries: Any, **headers: str) -> bytes:
    """Return an answer that has operations."""
    return reply(206, json.dumps(entries).encode(), **(headers or SDK))
