"""The benchmark's arithmetic, and whose CPU it counts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.measure import cpu_seconds_by_role, memory_mb, percentile
from bench.servers import filesystem_of
from bench.workloads import FULL, QUICK, Sizes

SPIN = "import os\nwhile os.times().user < 0.2: pass\nprint('spun', flush=True)\nimport sys; sys.stdin.read()"
IN_A_CHILD = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {SPIN!r}])"


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([3.0], 95, 3.0), ([4.0, 1.0, 3.0, 2.0], 50, 2.5), ([1.0, 2.0, 3.0], 100, 3.0), (range(101), 95, 95.0)],
)
def test_percentiles_interpolate_between_ranks(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


@pytest.mark.parametrize("program", [SPIN, IN_A_CHILD])
def test_the_cpu_of_a_process_and_of_its_children_is_counted(program: str) -> None:
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        spent = cpu_seconds_by_role({"worker": [process.pid], "none": []})
        process.communicate()
    assert spent["worker"] >= 0.2
    assert spent["none"] == 0


def test_a_process_is_counted_in_its_first_role_only() -> None:
    spent = cpu_seconds_by_role({"first": [os.getpid()], "second": [os.getpid()]})
    assert spent["first"] > 0
    assert spent["second"] == 0


def test_a_process_that_is_gone_costs_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert cpu_seconds_by_role({"worker": [process.pid]}) == {"worker": 0}


def test_memory_of_a_process_tree_is_counted() -> None:
    assert memory_mb({"worker": [os.getpid()]}) > 5


def test_file_systems_are_read_from_the_mount_table() -> None:
    assert filesystem_of(Path("/proc/self")) == "proc"


@pytest.mark.parametrize("sizes", [FULL, QUICK])
def test_short_chains_are_repeated_to_outlast_the_cpu_clock(sizes: Sizes) -> None:
    shortest, longest = sizes.chain_steps[0], sizes.chain_steps[-1]
    assert sizes.chain_repeats(longest) == 1
    assert sizes.chain_repeats(shortest) * shortest == longest
