"""Times as options of commands."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from workflowkit.base.clock import epoch_ms

#: A day, a minute or a second in UTC, or a time with its offset, as the commands themselves print them.
MOMENT = click.DateTime(
    [
        "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z",
    ]
)  # fmt: skip


def milliseconds(moment: datetime) -> int:
    """Return a time that was given as an option; without an offset it is in UTC."""
    return epoch_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
