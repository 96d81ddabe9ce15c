"""Stored secrets: encrypted, bound to their place, with keys that can be replaced."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from workflowkit.base.secrets import Keyring, SecretUnreadable
from workflowkit.base.settings import Settings

OLD, NEW = (f"{name}:{base64.b64encode(name.encode() * 32).decode()}" for name in "ab")


def test_a_sealed_secret_opens_at_its_place_only() -> None:
    keyring = Keyring.generate()
    sealed = keyring.seal("wh-secret-ü", "production/acme/webhook/stripe")
    assert "wh-secret" not in sealed
    assert keyring.open(sealed, "production/acme/webhook/stripe") == "wh-secret-ü"
    with pytest.raises(SecretUnreadable):
        keyring.open(sealed, "production/other/webhook/stripe")


def test_the_same_secret_never_looks_the_same() -> None:
    keyring = Keyring.generate()
    assert keyring.seal("x", "p") != keyring.seal("x", "p")


def test_a_changed_secret_is_refused_wherever_it_is_changed() -> None:
    keyring = Keyring.generate()
    head, _, text = keyring.seal("secret", "place").rpartition(".")
    data = base64.urlsafe_b64decode(text)
    for index in range(len(data)):
        changed = bytes(byte ^ (index == at) for at, byte in enumerate(data))
        with pytest.raises(SecretUnreadable):
            keyring.open(f"{head}.{base64.urlsafe_b64encode(changed).decode()}", "place")


@pytest.mark.parametrize("sealed", ["", "v1", "v1.a", "v1.a.", "v1.a.!!", "v1.a.AAAA", "v2.a.AAAA", "v1.zz.AAAA"])
def test_what_was_never_sealed_is_refused(sealed: str) -> None:
    with pytest.raises(SecretUnreadable):
        Keyring.parse(OLD).open(sealed, "place")


def test_a_new_key_in_front_seals_and_the_old_one_still_opens() -> None:
    sealed = Keyring.parse(OLD).seal("secret", "place")
    rotated = Keyring.parse(f"{NEW}, {OLD}")
    assert rotated.open(sealed, "place") == "secret"
    assert rotated.seal("secret", "place").startswith("v1.b.")
    with pytest.raises(SecretUnreadable, match="WORKFLOWKIT_SECRET_KEY"):
        Keyring.parse(NEW).open(sealed, "place")


@pytest.mark.parametrize(
    "text", ["", "a", "a:", ":AAAA", "a:AAAA", f"{OLD},", f"{OLD},{OLD}", "a b:" + OLD[2:], OLD + "!", OLD[:-8]]
)
def test_a_malformed_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ValueError, match=r"key [12] is not") as raised:
        Settings.from_environment({"WORKFLOWKIT_SECRET_KEY": text or " "})
    assert "WORKFLOWKIT_SECRET_KEY" in str(raised.value)
    assert "YWFh" not in str(raised.value)


def test_keys_show_in_no_representation() -> None:
    settings = Settings.from_environment({"WORKFLOWKIT_SECRET_KEY": OLD})
    assert "YWFh" not in repr(settings)
    assert "YWFh" not in repr(Keyring.parse(OLD))
    assert repr(b"aaaa") not in repr(Keyring.parse(OLD))


def test_a_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "db.secret-key"
    made = Keyring.from_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Keyring.from_file(path) == made
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_file_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "db.secret-key"
    path.write_text("nonsense")
    with pytest.raises(ValueError, match="key 1"):
        Keyring.from_file(path)
    with pytest.raises(ValueError, match="there must be"):
        Keyring({})
