from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import inngest
import pytest
from runtimes import Harness, a_runtime
from sdkapps import SdkApp, a_server

from workflowkit.base.limits import Limits
from workflowkit.inngest.remote import install


@pytest.fixture
def sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SdkApp]:
    """An app of the Python SDK in dev mode, and our dev server."""
    with a_server(tmp_path) as (wk, url):
        monkeypatch.setenv("INNGEST_DEV", url)
        yield SdkApp(wk, url, inngest.Inngest(app_id="shop"))


@pytest.fixture
def remote_harness(database_url: str) -> Iterator[Harness]:
    """A runtime that calls apps, with little patience, on both databases."""
    limits = Limits(remote_reply_bytes=64 * 1024, remote_call_seconds=2)
    with a_runtime(database_url, dev_apps=True, limits=limits) as harness:
        install(harness.registry, lambda: harness.runtime.database, harness.runtime.settings)
        yield harness
