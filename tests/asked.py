"""What PostgreSQL is asked: the text of each statement that goes to the driver."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest


def statements_from_now_on(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which each statement is added, until ``monkeypatch`` is undone."""
    asked: list[str] = []
    execute = psycopg.Cursor.execute

    def note(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(query.decode() if isinstance(query, bytes) else str(query))
        return execute(self, query, *args, **kwargs)

    monkeypatch.setattr(psycopg.Cursor, "execute", note)
    return asked
