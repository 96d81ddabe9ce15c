from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import inngest
import pytest
from sdkapps import SdkApp, a_server


@pytest.fixture
def sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SdkApp]:
    """An app of the Python SDK in dev mode, and our dev server."""
    with a_server(tmp_path) as (wk, url):
        monkeypatch.setenv("INNGEST_DEV", url)
        yield SdkApp(wk, url, inngest.Inngest(app_id="shop"))
