"""What the figures were measured on: the machine, the code and the software, for the result file."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from bench.processes import REPOSITORY
from bench.servers import Servers, filesystem_of


def describe_machine(servers: Servers) -> dict[str, Any]:
    memory_kb = next(
        int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal:")
    )
    return {
        "processor": _processor_name(),
        "processors": os.cpu_count(),
        "memory_gb": round(memory_kb / 2**20, 1),
        "kernel": platform.release(),
        "system": _system_name(),
        "file_system": filesystem_of(servers.directory.resolve()),
        "load_before": round(os.getloadavg()[0], 2),
    }


def commit() -> tuple[str, bool]:
    """Return the short hash of the checked-out commit, and whether tracked files differ from it."""
    name = _git("rev-parse", "--short=8", "HEAD") or "unknown"
    return name, bool(_git("status", "--porcelain", "--untracked-files=no"))


def _git(*arguments: str) -> str:
    result = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return result.stdout.strip()


def _processor_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _system_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()
