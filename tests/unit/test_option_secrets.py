"""Options that depend on a secret: the function gets the value, and nothing that it answers with has it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Annotated, Any

import pytest

from workflowkit import ActionError, Field
from workflowkit.base.errors import InvalidInput, OptionsFailed, TooManyAtOnce
from workflowkit.base.limits import DEFAULT_LIMITS
from workflowkit.base.scope import Scope
from workflowkit.base.secretstore import FixedSecrets, SecretStore
from workflowkit.engine.optionlists import OptionLists
from workflowkit.registry import define

ACME = Scope("live", "acme")
VALUE = "sk_live_C4n4ry"


def asked(function: Callable[..., Any], **inputs: Any) -> list[tuple[Any, str]]:
    def act(channel: str, token: str = "", login: Annotated[dict[str, str], Field()] | None = None) -> None:
        """Do something."""

    source = define("act", act, options={"channel": function}).options["channel"]
    lists = OptionLists(DEFAULT_LIMITS, {}, FixedSecrets({"chat": VALUE}))
    return [(each.value, each.label) for each in lists.list(source, ACME, inputs).options]


def test_the_value_goes_in_and_the_name_comes_out() -> None:
    seen: list[str] = []

    def channels(token: str) -> list[tuple[str, str]]:
        seen.append(token)
        return [(f"{token}/1", f"of {token}"), ("C2", "plain")]

    assert asked(channels, token="!secret(chat)") == [("•••(chat)/1", "of •••(chat)"), ("C2", "plain")]
    assert asked(channels, token="typed text") == [("typed text/1", "of typed text"), ("C2", "plain")]
    assert seen == [VALUE, "typed text"]


def test_only_inputs_that_are_secret_are_opened() -> None:
    def channels(login: dict[str, str]) -> list[str]:
        return [*login.values()]

    assert asked(channels, login={"user": "!secret(chat)"}) == [("!secret(chat)", "!secret(chat)")]


def test_a_secret_that_is_not_there_is_said() -> None:
    with pytest.raises(OptionsFailed, match="no secret 'missing'"):
        asked(lambda token: [token], token="!secret(missing)")


@pytest.mark.parametrize("error", [ActionError, RuntimeError])
def test_what_a_function_raises_does_not_show_the_value(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def channels(token: str) -> list[str]:
        raise error(f"refused {token}")

    with pytest.raises(OptionsFailed) as raised:
        asked(channels, token="!secret(chat)")
    assert VALUE not in str(raised.value)
    assert raised.value.__cause__ is None
    assert VALUE not in caplog.text


def test_a_value_that_does_not_fit_is_not_shown() -> None:
    def act(channel: str, token: Annotated[str, Field(max_length=5)] = "") -> None:
        """Do something."""

    source = define("act", act, options={"channel": lambda token: [token]}).options["channel"]
    lists = OptionLists(DEFAULT_LIMITS, {}, FixedSecrets({"chat": VALUE}))
    with pytest.raises(InvalidInput, match="at most 5") as refused:
        lists.list(source, ACME, {"token": "!secret(chat)"})

    def other(channel: str, token: Annotated[str, Field(pattern="^xoxb")] = "") -> None:
        """Do something."""

    source = define("act", other, options={"channel": lambda token: [token]}).options["channel"]
    with pytest.raises(InvalidInput, match=r"•••\(chat\)") as refused:
        lists.list(source, ACME, {"token": "!secret(chat)"})
    assert VALUE not in str(refused.value)
    assert VALUE not in str(refused.value.problems)
    assert refused.value.__cause__ is None


def test_a_long_value_is_not_shown_where_it_is_cut_in_the_middle_of_a_message() -> None:
    def act(channel: str, token: Annotated[str, Field(pattern="^xoxb")] = "") -> None:
        """Do something."""

    source = define("act", act, options={"channel": lambda token: [token]}).options["channel"]
    lists = OptionLists(DEFAULT_LIMITS, {}, FixedSecrets({"chat": VALUE * 20}))
    with pytest.raises(InvalidInput, match=r"•••\(chat\)…") as refused:
        lists.list(source, ACME, {"token": "!secret(chat)"})
    assert "C4n4ry" not in str(refused.value)


def test_an_error_that_cannot_be_shown_does_not_show_the_value_either(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError(VALUE)

    def channels(token: str) -> list[str]:
        raise Broken

    with pytest.raises(OptionsFailed):
        asked(channels, token="!secret(chat)")
    assert "cannot be shown" in caplog.text
    assert VALUE not in caplog.text


def test_a_vault_that_hangs_holds_nobody_up_for_longer_than_the_function_might() -> None:
    class Slow(SecretStore):
        def values(self, scope: Scope, names: Collection[str]) -> dict[str, str]:
            assert goes_on.wait(60)
            return dict.fromkeys(names, VALUE)

    def act(channel: str, token: str = "") -> None:
        """Do something."""

    goes_on = threading.Event()
    source = define("act", act, options={"channel": lambda token: [token]}).options["channel"]
    lists = OptionLists(replace(DEFAULT_LIMITS, options_seconds=1, tenant_option_lists=1), {}, Slow())
    try:
        with pytest.raises(OptionsFailed, match="took longer"):
            lists.list(source, ACME, {"token": "!secret(chat)"})
        with pytest.raises(TooManyAtOnce):
            lists.list(source, ACME, {"token": "!secret(chat)"})
    finally:
        goes_on.set()


def test_where_no_store_is_given_the_reference_stays() -> None:
    def act(channel: str, token: str = "") -> None:
        """Do something."""

    source = define("act", act, options={"channel": lambda token: [token]}).options["channel"]
    (option,) = OptionLists(replace(DEFAULT_LIMITS), {}).list(source, ACME, {"token": "!secret(chat)"}).options
    assert option.value == "!secret(chat)"
