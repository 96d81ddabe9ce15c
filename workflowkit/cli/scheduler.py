"""``workflowkit scheduler``: a process that finds what is due."""

from __future__ import annotations

import os

import click

from workflowkit.base.settings import LOCAL_BROKER_URL
from workflowkit.cli.lifeline import follow_parent
from workflowkit.cli.loading import app_argument, load_app
from workflowkit.cli.output import Invalid
from workflowkit.cli.processes import announce, log_level_option, set_up_logging, until_terminated


@click.command("scheduler", short_help="Find what is due, and wake workers for it.")
@app_argument
@log_level_option
def command(app: str | None, log_level: str) -> None:
    """Find what is due (retries, events whose wake-up was lost, steps of workers that died) and wake workers for it.

    Every worker does this too. A scheduler of its own keeps it going while all workers are busy or none runs; any
    number of them may run, and none is the leader.

    \b
    workflowkit scheduler shop.app:wk
    """
    set_up_logging(log_level)
    wk = load_app(app)
    if wk.settings.broker_url == LOCAL_BROKER_URL:
        raise Invalid(
            "a scheduler wakes workers in other processes; say through what: WORKFLOWKIT_BROKER_URL=redis://…"
        )
    follow_parent(os.environ)
    announce("scheduler: started")
    wk.run_scheduler(until_terminated())
