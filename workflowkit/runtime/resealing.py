"""Sealing everything again with the first key, so that an old one can be dropped. Everything else may go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workflowkit.base.secrets import Keyring, SecretUnreadable
from workflowkit.runtime import secrets, webhooks
from workflowkit.store import resealing as rows
from workflowkit.store.database import Database
from workflowkit.store.resealing import SealedRow

_ROWS_PER_COMMIT = 100
#: What is sealed in a row is bound to a place, which each table says in its own way.
_PLACES = {"secrets": secrets.place_of, "webhooks": webhooks.place_of}


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many rows of a table were sealed again, and which could not be, as none of the keys opens them."""

    count: int
    unreadable: tuple[SealedRow, ...]


@dataclass(frozen=True, slots=True)
class Resealing:
    """Seals again what this installation has sealed."""

    database: Database
    keyring: Callable[[], Keyring | None]

    def all(self) -> dict[str, Resealed]:
        """Seal everything again; return what became of each table.

        A row that somebody changes meanwhile is sealed by them, with the first key if their process has it: run it once
        all processes do.
        """
        keyring = self.keyring()
        return {} if keyring is None else {table: self._table(table, keyring) for table in rows.SEALED_COLUMNS}

    def _table(self, table: str, keyring: Keyring) -> Resealed:
        count, last = 0, None
        unreadable: list[SealedRow] = []
        while found := self._chunk(table, last, keyring, unreadable):
            count, last = count + len(found), found[-1]
        return Resealed(count - len(unreadable), tuple(unreadable))

    def _chunk(
        self, table: str, after: SealedRow | None, keyring: Keyring, unreadable: list[SealedRow]
    ) -> list[SealedRow]:
        with self.database.transaction("reseal") as tx:
            found = rows.find(tx, table, limit=_ROWS_PER_COMMIT, after=after)
            for row in found:
                place = _PLACES[table](row.scope, row.name)
                try:
                    value = keyring.open(row.sealed, place)
                except SecretUnreadable:
                    unreadable.append(row)
                else:
                    rows.replace(tx, table, row, keyring.seal(value, place))
        return found
