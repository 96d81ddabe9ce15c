"""Encryption of values: what comes back, what does not, and what merely looks encrypted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workflowkit import InvalidInput, WorkflowKit
from workflowkit.base.errors import AlreadyExists
from workflowkit.base.sealing import MARKER, LenientSealing, ValueUnreadable, open_event_data, seal_event_data
from workflowkit.contrib.encryption import EncryptionMiddleware

OLD, NEW = "the old passphrase", "the new passphrase"
VALUES = [1, -0.5, True, "text \N{SNOWMAN}", [], {}, {"a": [1, {"b": None}]}, [None]]


@pytest.fixture(scope="module")
def old() -> EncryptionMiddleware:
    return EncryptionMiddleware(OLD)


@pytest.mark.parametrize("value", VALUES)
def test_a_value_comes_back_where_it_was_stored_and_shows_nothing_of_itself(
    old: EncryptionMiddleware, value: Any
) -> None:
    sealed = old.seal(value, "here")
    assert sealed.keys() == {MARKER, "key", "data"}
    assert sealed[MARKER] == 1
    assert old.open(sealed, "here") == value
    assert EncryptionMiddleware(OLD).open(sealed, "here") == value
    assert old.seal(value, "here") != sealed


def test_a_value_that_was_never_encrypted_is_left_alone(old: EncryptionMiddleware) -> None:
    for value in [None, *VALUES]:
        assert old.open(value, "here") == value
    assert old.seal(None, "here") is None


def test_a_value_of_another_place_or_with_a_changed_byte_stays_closed(
    old: EncryptionMiddleware, caplog: pytest.LogCaptureFixture
) -> None:
    sealed = old.seal("secret", "here")
    assert old.open(sealed, "there") == sealed
    changed = {**sealed, "data": ("A" if sealed["data"][0] != "A" else "B") + sealed["data"][1:]}
    assert old.open(changed, "here") == changed
    assert old.open({**sealed, "data": None}, "here") == {**sealed, "data": None}
    assert "was not encrypted for it" in caplog.text
    assert "secret" not in caplog.text


def test_a_missing_key_is_said_and_a_fallback_opens(old: EncryptionMiddleware) -> None:
    sealed = old.seal("secret", "here")
    with pytest.raises(ValueUnreadable, match="which is not here"):
        EncryptionMiddleware(NEW).open(sealed, "here")
    rotated = EncryptionMiddleware(NEW, fallback=[OLD])
    assert rotated.open(sealed, "here") == "secret"
    assert rotated.seal("secret", "here")["key"] != sealed["key"]
    assert LenientSealing(EncryptionMiddleware(NEW)).open(sealed, "here") == sealed


def test_on_the_way_out_nothing_is_encrypted_and_lookalikes_come_back_as_they_are(old: EncryptionMiddleware) -> None:
    leaving = EncryptionMiddleware(OLD, decrypt_only=True)
    assert leaving.seal({"a": 1}, "here") == {"a": 1}
    assert leaving.open(old.seal("secret", "here"), "here") == "secret"
    for lookalike in [{MARKER: 1}, {MARKER: 0, "data": "x"}, old.seal("other", "there"), {MARKER: [], "key": []}]:
        for middleware in (leaving, old):
            assert middleware.open(middleware.seal(lookalike, "here"), "here") == lookalike


def test_passphrases_are_not_too_short_and_not_shown() -> None:
    with pytest.raises(InvalidInput, match="16 characters"):
        EncryptionMiddleware("short")
    with pytest.raises(InvalidInput, match="16 characters"):
        EncryptionMiddleware(NEW, fallback=["short"])
    assert OLD not in repr(EncryptionMiddleware(OLD))


def test_a_second_encryption_is_refused() -> None:
    wk = WorkflowKit()
    wk.use(EncryptionMiddleware(OLD))
    with pytest.raises(AlreadyExists, match="fallback"):
        wk.use(EncryptionMiddleware(NEW))


# --- events


def test_of_an_event_only_the_field_is_encrypted(old: EncryptionMiddleware) -> None:
    data = {"id": 1, "encrypted": {"card": "4242"}, "output": 2}
    sealed = seal_event_data(old, "shop/paid", data, "p")
    assert (sealed["id"], sealed["output"]) == (1, 2)
    assert "4242" not in json.dumps(sealed)
    assert open_event_data(old, "shop/paid", sealed, "p") == data
    other = EncryptionMiddleware(OLD, event_field="secret")
    assert seal_event_data(other, "shop/paid", data, "p") == data


def test_events_about_runs_hide_the_output_and_the_event_inside(old: EncryptionMiddleware) -> None:
    inner = {"name": "shop/paid", "data": {"id": 1, "encrypted": "4242"}}
    middle = {"run_id": "r", "workflow_id": "w", "output": {"card": "4242"}, "event": inner}
    outer = {"run_id": "s", "workflow_id": "v", "event": {"name": "workflow/run.failed", "data": middle}}
    sealed = seal_event_data(old, "workflow/run.failed", outer, "p")
    assert "4242" not in json.dumps(sealed)
    assert sealed["event"]["data"]["event"]["data"]["id"] == 1
    assert open_event_data(old, "workflow/run.failed", sealed, "p") == outer


def test_an_event_inside_that_was_never_opened_is_encrypted_once(old: EncryptionMiddleware) -> None:
    inner = seal_event_data(old, "shop/paid", {"encrypted": "4242"}, "p")
    outer = {"run_id": "r", "workflow_id": "w", "event": {"name": "shop/paid", "data": inner}}
    opened = open_event_data(old, "workflow/run.failed", seal_event_data(old, "workflow/run.failed", outer, "p"), "p")
    assert opened["event"]["data"] == {"encrypted": "4242"}
