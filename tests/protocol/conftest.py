from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import inngest
import pytest
from asking import SECRET_KEY
from runtimes import Harness, a_runtime
from sdkapps import SdkApp, a_server

from workflowkit import WorkflowKit
from workflowkit.base.limits import Limits
from workflowkit.inngest.remote import install


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WorkflowKit, str]]:
    """Our dev server and its address, one for all tests of a module."""
    with a_server(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture
def shared_sdk(server: tuple[WorkflowKit, str], monkeypatch: pytest.MonkeyPatch) -> SdkApp:
    """An app of the Python SDK in dev mode, beside the module's server."""
    return _dev_app(*server, monkeypatch)


@pytest.fixture
def sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SdkApp]:
    """An app of the Python SDK in dev mode, and a dev server of its own."""
    with a_server(tmp_path) as (wk, url):
        yield _dev_app(wk, url, monkeypatch)


def _dev_app(wk: WorkflowKit, url: str, monkeypatch: pytest.MonkeyPatch) -> SdkApp:
    monkeypatch.setenv("INNGEST_DEV", url)
    return SdkApp(wk, url, inngest.Inngest(app_id="shop"))


@pytest.fixture
def remote_harness(database_url: str) -> Iterator[Harness]:
    """A runtime that calls apps, with little patience, on both databases."""
    limits = Limits(remote_reply_bytes=64 * 1024, remote_call_seconds=2)
    with a_runtime(database_url, dev_apps=True, limits=limits, secret_key=SECRET_KEY) as harness:
        install(harness.registry, lambda: harness.runtime.database, harness.runtime.settings)
        yield harness
