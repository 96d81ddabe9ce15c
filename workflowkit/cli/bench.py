"""``workflowkit bench``: hand over to the benchmarks of a checkout."""

from __future__ import annotations

import os
import sys

import click

from workflowkit.assets import asset_dir
from workflowkit.cli.output import Failure


@click.command(
    "bench", short_help="Measure this engine beside others.", context_settings={"ignore_unknown_options": True}
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Measure this engine beside others, in the same run. Only in a checkout, where ./wk bench sets up what it needs.

    \b
    ./wk bench --quick
    """
    try:
        directory = asset_dir("bench")
    except FileNotFoundError:
        raise Failure("the benchmarks are not installed; they are in a checkout: ./wk bench") from None
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, str(directory / "run.py"), *arguments])  # noqa: S606 - our own program
