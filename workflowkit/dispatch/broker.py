"""Whether the broker of an installation can be reached."""

from __future__ import annotations

from kombu import Connection

from workflowkit.base.settings import LOCAL_BROKER_URL

_TIMEOUT_SECONDS = 3


def broker_trouble(url: str) -> str | None:
    """Return why the broker at ``url`` cannot be reached, ``None`` if it can. One inside the process always can."""
    if url == LOCAL_BROKER_URL:
        return None
    try:
        with Connection(url, connect_timeout=_TIMEOUT_SECONDS) as connection:
            connection.ensure_connection(max_retries=1, timeout=_TIMEOUT_SECONDS)
    except Exception as error:
        # Whatever the client of the broker raises, the answer is the same.
        return str(error) or type(error).__name__
    return None
