"""Secrets that code functions ask for: the run's tenant's, opened anew in each attempt, and nowhere to be found."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from contextlib import closing
from typing import Any

import pytest
from builders import a_workflow
from functions import STARTED, Code, happen, output_of
from runtimes import Harness, everything

from workflowkit.base.errors import NonRetriableError, SecretMissing
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.base.secrets import Keyring
from workflowkit.base.secretstore import SecretStore
from workflowkit.engine.context import AsyncStepContext, StepContext
from workflowkit.engine.extensions import Extensions
from workflowkit.runtime.secrets import NewSecret

KEY = Keyring.generate().render()
CANARY = "sk_live_C4n4ry_of_nobody"
OTHER = Scope("default", "other")


def store(harness: Harness, value: str = CANARY, scope: Scope = DEFAULT_SCOPE, name: str = "stripe") -> None:
    harness.runtime.secrets.set(scope, NewSecret(name, value))


def test_a_function_gets_the_value_and_nothing_that_is_kept_has_it(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    code, seen = Code(), []

    @code.function(retries=2)
    def fn(ctx: StepContext) -> Any:
        inner = ctx.step.run("before", lambda: f"with {ctx.secret('stripe')}")
        key = ctx.secret("stripe")
        seen.append(key)
        ctx.logger.warning("logged %s", key)
        ctx.step.send_event("sent", {"name": "out/sent", "data": {"key": key}})
        ctx.step.sleep("pause", 60)
        if ctx.attempt == 0:
            raise RuntimeError(f"refused: {key}")
        return {"echo": key, "inner": inner, key: True}

    caplog.set_level(logging.DEBUG)
    with code.running(database_url, secret_key=KEY) as harness:
        store(harness)
        happen(harness)
        harness.skip(60)
        # One that is replaced is in force from the next attempt on.
        store(harness, f"{CANARY}_again")
        harness.skip(3600)
        assert seen == [CANARY, CANARY, f"{CANARY}_again"]
        told = {"echo": "•••(stripe)", "inner": "with •••(stripe)", "•••(stripe)": True}
        assert output_of(harness) == told
        assert CANARY not in everything(harness)
        assert "refused: •••(stripe)" in everything(harness)
    assert "logged •••(stripe)" in caplog.text
    assert CANARY not in caplog.text + repr([vars(record) for record in caplog.records])


def test_each_tenant_has_its_own(database_url: str) -> None:
    code, seen = Code(), []

    @code.function()
    async def fn(ctx: AsyncStepContext) -> str:
        seen.append((ctx.run.tenant, await ctx.secret("stripe")))
        return seen[-1][1]

    with code.running(database_url, secret_key=KEY) as harness:
        store(harness, "sk_of_the_default")
        store(harness, "sk_of_the_other_one", OTHER)
        for scope in (DEFAULT_SCOPE, OTHER):
            harness.send(STARTED, scope=scope)
        harness.drain()
        assert sorted(seen) == [("default", "sk_of_the_default"), ("other", "sk_of_the_other_one")]
        assert "sk_of_the" not in everything(harness)


@pytest.mark.parametrize("name", ["stripe", "", "a b", "x" * 65, None])
def test_a_secret_that_there_is_not_fails_the_run_at_once(database_url: str, name: Any) -> None:
    code = Code()

    @code.function(retries=5)
    def fn(ctx: StepContext) -> str:
        return ctx.secret(name)

    with code.running(database_url, secret_key=KEY) as harness:
        store(harness, scope=OTHER)
        happen(harness)
        assert (harness.run()["status"], SecretMissing.code in harness.run()["error"]) == ("failed", True)


def test_who_asks_for_none_asks_nobody_and_who_asks_twice_asks_once(database_url: str) -> None:
    code, asked = Code(), []

    class Vault(SecretStore):
        def values(self, scope: Scope, names: Collection[str]) -> Mapping[str, str]:
            asked.append((scope.tenant, *names))
            return dict.fromkeys(names, CANARY)

    @code.function("quiet")
    def quiet(ctx: StepContext) -> int:
        return ctx.step.run("one", lambda: 1)

    @code.function("asks", trigger={"event": "test/asked"})
    def asks(ctx: StepContext) -> list[str]:
        return list(ctx.group.parallel([lambda: ctx.secret("stripe")] * 3))

    with closing(Harness(database_url, code.registry, extensions=Extensions(secret_store=Vault()))) as harness:
        code.sync(harness)
        happen(harness)
        assert asked == []
        happen(harness, name="test/asked")
        assert asked == [("default", "stripe")]
        assert CANARY not in everything(harness)


@pytest.mark.parametrize("form", ["plain", "async"])
@pytest.mark.parametrize("outages", [0, 2])
def test_a_function_that_uses_one_is_undone_with_it(database_url: str, form: str, outages: int) -> None:
    code, undone, left = Code(), [], [0]

    class Vault(SecretStore):
        def values(self, scope: Scope, names: Collection[str]) -> Mapping[str, str]:
            if left[0] > 0:
                left[0] -= 1
                raise ConnectionError("the vault is away")
            return dict.fromkeys(names, CANARY)

    def refund(charge: int, key: str) -> str:
        undone.append((charge, key))
        return f"refunded with {key}"

    def plain(ctx: StepContext) -> None:
        key = ctx.secret("stripe")
        ctx.step.run("charge", lambda: 1, compensate=lambda charge: refund(charge, ctx.secret("stripe")))
        left[0] = outages
        raise NonRetriableError(f"refused {key}")

    async def awaiting(ctx: AsyncStepContext) -> None:
        key = await ctx.secret("stripe")
        await ctx.step.run("charge", lambda: 1, compensate=lambda charge: refund(charge, key))
        left[0] = outages
        raise NonRetriableError(f"refused {key}")

    code.function(retries=3)(awaiting if form == "async" else plain)
    with closing(Harness(database_url, code.registry, extensions=Extensions(secret_store=Vault()))) as harness:
        code.sync(harness)
        happen(harness)
        for _ in range(4):
            harness.skip(3600)
        assert undone == [(1, CANARY)]
        assert "refunded with •••(stripe)" in everything(harness)
        assert CANARY not in everything(harness)


def test_one_that_takes_its_time_waits_for_no_other_branch(sqlite_url: str) -> None:
    code, seen = Code(), []

    class Vault(SecretStore):
        def values(self, scope: Scope, names: Collection[str]) -> Mapping[str, str]:
            time.sleep(1.3)  # longer than other tasks are waited for
            return dict.fromkeys(names, CANARY)

    @code.function()
    async def fn(ctx: AsyncStepContext) -> None:
        async def reading() -> None:
            key = await ctx.secret("stripe")
            await ctx.step.run("use", lambda: seen.append(key))

        await ctx.group.parallel([lambda: ctx.step.sleep("nap", "1d"), reading])

    with closing(Harness(sqlite_url, code.registry, extensions=Extensions(secret_store=Vault()))) as harness:
        code.sync(harness)
        happen(harness)
        assert seen == [CANARY]


def test_an_action_is_told_how_it_gets_one(database_url: str) -> None:
    code = Code()

    @code.registry.action("use", retries=3)
    def use(ctx: StepContext) -> str:
        return ctx.secret("stripe")

    with code.running(database_url, secret_key=KEY) as harness:
        store(harness)
        harness.deploy(a_workflow().action("u", "use").path("$source", "u").trigger("go").document())
        harness.send("go")
        harness.drain()
        assert harness.run()["status"] == "failed"
        assert "Field(secret=True)" in everything(harness)
