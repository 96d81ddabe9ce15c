"""A dev server as users start it: a process of its own, in a directory of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

READY_SECONDS = 60


@contextmanager
def a_dev_process(home: Path, *options: str) -> Iterator[str]:
    """Run ``workflowkit dev``, which looks for no apps; give its address."""
    command = [sys.executable, "-m", "workflowkit", "dev", "--port", "0", "--no-discovery", "--no-poll", *options]
    process = subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        try:
            address = next(found[0] for line in process.stdout if (found := re.search(r"http://[\d.]+:\d+", line)))
            assert httpx.get(f"{address}/api/health/ready", timeout=READY_SECONDS).status_code == 200
            yield address
        finally:
            process.terminate()
            process.wait()
