"""Fixtures of the properties."""

from __future__ import annotations

import itertools

import pytest
from histories import CountingOs


@pytest.fixture
def no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing depend on real time or randomness, so that a history repeats as Hypothesis wants it to."""
    monkeypatch.setattr("workflowkit.runtime.worker.RECORD_PAUSES_SECONDS", (0.0, 0.0))
    monkeypatch.setattr("workflowkit.runtime.stepping.RECORD_PAUSES_SECONDS", (0.0, 0.0))
    monkeypatch.setattr("workflowkit.runtime.backlog.Backlog._watch", lambda *_: None)  # no step counts as slow
    monkeypatch.setattr("workflowkit.base.ids.os", CountingOs)
    monkeypatch.setattr("workflowkit.base.ids._count", itertools.count())  # begins anew with each history
