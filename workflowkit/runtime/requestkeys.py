"""``Idempotency-Key``: a request that is sent again changes nothing, and is told what the first one was told (I21)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.errors import KeyReused
from workflowkit.base.scope import Scope
from workflowkit.definition.model import Json
from workflowkit.store import requestkeys as rows
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The key of a request, as its sender chose it, and what tells what it asks for from what others do."""

    key: str
    fingerprint: str

    @classmethod
    def of(cls, key: str, asked: Json) -> RequestKey:
        """Return the key of a request that asks for ``asked``: two requests are the same if that is the same JSON."""
        return cls(key, hashlib.sha256(jsonvalue.canonical(asked)).hexdigest())

    def first_answer(self, tx: Transaction, scope: Scope, *, window_ms: int) -> Any:
        """Return what ``keep`` was given by the first request with this key; ``None`` for the first one.

        Raises ``KeyReused`` if that asked for something else.
        """
        # SAFETY: I21 — the key is claimed in the transaction that does what is asked; the database lets one be first.
        first = rows.claim(tx, scope, self.key, self.fingerprint, window_ms=window_ms)
        if first is None:
            return None
        if first.fingerprint != self.fingerprint:
            raise KeyReused(f"the Idempotency-Key {self.key!r} was used for another request")
        return first.answer

    def keep(self, tx: Transaction, scope: Scope, answer: Json) -> None:
        """Keep what the first request is told, not ``None``, for those that repeat it."""
        rows.answer(tx, scope, self.key, answer)
