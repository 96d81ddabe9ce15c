"""What the rooms here take from a composed runtime: these, and what each of them names beside."""

from __future__ import annotations

from typing import Protocol

from workflowkit.base.settings import Settings
from workflowkit.store.database import Database


class Stored(Protocol):
    """The settings, and the database."""

    @property
    def settings(self) -> Settings: ...
    @property
    def database(self) -> Database: ...
