"""Secrets: given to a step by name, for its own tenant only, and nowhere to be found afterwards."""

from __future__ import annotations

import base64
import contextlib
import importlib
import logging
import threading
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

import pytest
import redis
import sqlalchemy as sa
from builders import WorkflowBuilder, a_workflow
from runtimes import Harness, a_registry, a_runtime, everything

from workflowkit.base.errors import (
    DefinitionError,
    InvalidInput,
    LimitExceeded,
    NonRetriableError,
    NotFound,
    RetryAfterError,
    StepError,
)
from workflowkit.base.jsonvalue import loads
from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.base.secrets import Keyring, SecretUnreadable
from workflowkit.base.secretstore import SecretStore
from workflowkit.engine.context import AsyncStepContext, StepContext
from workflowkit.engine.extensions import Extensions
from workflowkit.registry import Field, Registry
from workflowkit.runtime.resealing import Resealing
from workflowkit.runtime.secrets import NewSecret, SecretInUse

KEY = Keyring.generate().render()
#: With what other notations write in another way.
CANARY = 'sk_live_C4n4ry/+"ü& 9!x'
OTHER = Scope("default", "other")
Secret = Annotated[str, Field(secret=True)]


@contextmanager
def opened(database_url: str, handler: Any, **settings: Any) -> Iterator[Harness]:
    """Open a runtime with an action ``use`` that is ``handler``."""
    registry = a_registry()
    registry.action("use", retries=2)(handler)
    with a_runtime(database_url, registry, **{"secret_key": KEY, **settings}) as harness:
        yield harness


def store(harness: Harness, name: str = "stripe", value: str = CANARY, scope: Scope = DEFAULT_SCOPE) -> None:
    harness.runtime.secrets.set(scope, NewSecret(name, value))


def using(inputs: dict[str, Any] | None = None, **settings: Any) -> WorkflowBuilder:
    given = {"key": "!secret(stripe)"} if inputs is None else inputs
    return a_workflow().action("u", "use", given, **settings).path("$source", "u").trigger("go")


def run(harness: Harness, document: dict[str, Any] | None = None, data: Any = None) -> dict[str, Any]:
    harness.deploy(document or using().document())
    harness.send("go", data)
    harness.drain()
    return harness.rows("SELECT * FROM runs ORDER BY id")[0]


def forms(value: str = CANARY) -> list[str]:
    """Return what to look for."""
    written = repr(value)[1:-1]
    return [value, written, quote(value), quote(value, safe=""), base64.b64encode(value.encode()).decode(), value[8:]]


def assert_nowhere(text: str) -> None:
    assert [form for form in forms() if form in text] == []


def test_a_handler_gets_the_value_and_nothing_that_is_stored_has_it(
    database_url: str, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    def use(ctx: StepContext, key: Secret, note: str = "") -> Any:
        seen.append(key)
        ctx.logger.warning("logged %s", key)
        ctx.logger.info("as an argument", extra={"key": key})
        ctx.publish("told", {"key": key, key: 1})
        inner = ctx.step.run("inner", lambda: {"echo": key, "url": f"https://x/?k={quote(key)}"})
        ctx.step.publish("once", "told", [key])
        ctx.send_event("out/sent", {"key": key})
        ctx.step.send_event("sent", {"name": "out/again", "data": {"key": key}})
        if ctx.attempt == 0:
            try:
                raise RuntimeError(f"refused: {key}")
            except RuntimeError:
                ctx.logger.exception("with a traceback")
                raise
        basic = base64.b64encode(f"user:{key}".encode()).decode()
        return {"echo": key, "inner": inner, "basic": f"Basic {basic}", "longer": f"<{key}>", key: True}

    caplog.set_level(logging.DEBUG)
    probe = redis.Redis.from_url(redis_url)
    listener = probe.pubsub()  # type: ignore[no-untyped-call]
    listener.psubscribe("*")
    with opened(database_url, use, broker_url=redis_url) as harness:
        store(harness)
        assert run(harness)["status"] == "running"
        harness.skip(3600)
        finished = harness.run()
        assert (finished["status"], seen) == ("completed", [CANARY, CANARY])
        output = loads(finished["output"])["u"]
        assert output["echo"] == output["inner"]["echo"] == "•••(stripe)"
        assert output["longer"] == "<•••(stripe)>"
        assert output["•••(stripe)"] is True
        stored = everything(harness)
        assert_nowhere(stored)
        assert stored.count("•••(stripe)") > 10
    assert_nowhere(caplog.text + repr([vars(record) for record in caplog.records]))
    assert "with a traceback" in caplog.text
    assert "RuntimeError: refused: •••(stripe)" in caplog.text
    deadline, heard = time.monotonic() + 60, ""
    while "pmessage" not in heard and time.monotonic() < deadline:
        heard += repr(listener.get_message(timeout=1))
    assert "pmessage" in heard
    for key in probe.scan_iter():
        heard += repr((key, probe.dump(key)))
    assert_nowhere(heard)
    listener.close()
    probe.close()


def test_a_step_that_fails_for_good_shows_the_secrets_name_only(database_url: str) -> None:
    def use(ctx: StepContext, key: Secret) -> None:
        def refuse() -> None:
            raise ValueError(f"bad key {key!r} " + "x" * 1_950 + key)

        ctx.step.run("call", refuse, retries=0)

    with opened(database_url, use) as harness:
        store(harness)
        assert run(harness)["status"] == "failed"
        error = loads(harness.run()["error"])
        assert "bad key '•••(stripe)'" in error["message"]
        assert_nowhere(everything(harness))
        # Cut inside of the value: its beginning must not stay either.
        assert CANARY[:7] not in everything(harness)


def test_a_value_that_waits_begins_runs_and_asks_people_is_masked_too(database_url: str) -> None:
    async def use(ctx: AsyncStepContext, key: Secret) -> Any:
        await ctx.step.invoke("other", "child", {"key": key})
        return await ctx.step.wait_for_event("reply", "reply", timeout="1d", equals=("data.key", key))

    with opened(database_url, use) as harness:
        store(harness)
        harness.deploy(a_workflow().action("n").path("$source", "n").document(), "child")
        run(harness)
        harness.skip(1)
        assert len(harness.rows("SELECT * FROM waits")) >= 1
        assert_nowhere(everything(harness))


def test_a_step_id_cannot_carry_a_value(database_url: str) -> None:
    def use(ctx: StepContext, key: Secret) -> None:
        ctx.step.run(f"call {key}", lambda: None)

    with opened(database_url, use) as harness:
        store(harness)
        assert run(harness)["status"] == "failed"
        assert_nowhere(everything(harness))


def test_a_handler_that_goes_on_in_another_process_gets_the_value_again(database_url: str) -> None:
    seen: list[str] = []

    def use(ctx: StepContext, key: Secret) -> str:
        seen.append(key)
        ctx.step.sleep("pause", 60)
        return f"{key} after the pause"

    with opened(database_url, use) as harness:
        store(harness)
        run(harness)
        other = harness.new_process()
        harness.clock.advance(seconds=100)
        other.relay.tick()
        while harness.deliver(other):
            pass
        assert seen == [CANARY, CANARY]
        assert loads(harness.run()["output"])["u"] == "•••(stripe) after the pause"
        assert_nowhere(everything(harness))


def test_what_an_event_brings_in_stays_text(database_url: str) -> None:
    """S2: only the document refers to secrets, whatever data looks like."""
    seen: list[Any] = []

    def use(key: Secret, headers: dict[str, Secret] | None = None) -> None:
        seen.append((key, headers))

    document = using({"key": "!ref($.event.data.key)", "headers": "!ref($.event.data.headers)"}).document()
    with opened(database_url, use) as harness:
        store(harness)
        assert run(harness, document, {"key": "!secret(stripe)", "headers": {"a": "!secret(stripe)"}})["status"]
        assert seen == [("!secret(stripe)", {"a": "!secret(stripe)"})]


def test_one_reference_does_not_open_the_door_for_the_text_of_an_event(database_url: str) -> None:
    seen: list[Any] = []

    def use(key: Secret, other: Secret) -> None:
        seen.append((key, other))

    document = using({"key": "!secret(stripe)", "other": "!ref($.event.data.text)"}).document()
    with opened(database_url, use) as harness:
        store(harness)
        store(harness, "second", "another value")
        run(harness, document, {"text": "!secret(second)"})
        assert seen == [(CANARY, "!secret(second)")]


def test_a_tenant_has_its_own_secrets(database_url: str) -> None:
    seen: list[str] = []

    def use(key: Secret) -> None:
        seen.append(key)

    with opened(database_url, use) as harness:
        store(harness)
        harness.deploy(using().document(), scope=OTHER)
        harness.send("go", scope=OTHER)
        harness.drain()
        (failed,) = harness.rows("SELECT * FROM runs")
        error = loads(failed["error"])
        assert (failed["status"], error["code"], seen) == ("failed", "secret-missing", [])
        assert "there is no secret 'stripe'" in error["message"]
        store(harness, value="their own value", scope=OTHER)
        harness.send("go", scope=OTHER)
        harness.drain()
        assert seen == ["their own value"]


def test_a_sealed_value_opens_in_its_own_row_only(database_url: str) -> None:
    with opened(database_url, lambda key: None) as harness:
        secrets = harness.runtime.secrets
        store(harness)
        store(harness, "second", "another value")
        store(harness, value="their own value", scope=OTHER)
        with harness.runtime.database.engine.begin() as connection:
            stolen = "(SELECT sealed FROM secrets WHERE tenant = 'default' AND name = 'stripe')"
            connection.execute(sa.text(f"UPDATE secrets SET sealed = {stolen} WHERE name <> 'stripe'"))
            connection.execute(sa.text(f"UPDATE secrets SET sealed = {stolen} WHERE tenant = 'other'"))
        assert secrets.values(DEFAULT_SCOPE, ["stripe"]) == {"stripe": CANARY}
        for scope, name in ((DEFAULT_SCOPE, "second"), (OTHER, "stripe")):
            with pytest.raises(SecretUnreadable):
                secrets.values(scope, [name])


def test_a_process_without_the_key_tries_again_later(database_url: str) -> None:
    with opened(database_url, lambda key: key) as harness:
        registry = harness.registry
        assert registry.get("use") is not None
    seen: list[str] = []

    def use(key: Secret) -> None:
        seen.append(key)

    with opened(database_url, use) as harness:
        store(harness)
        stranger = harness.new_process(secret_key=Keyring({"other": b"x" * 32}).render())
        harness.deploy(using().document())
        harness.send("go")
        while harness.deliver(stranger):
            pass
        assert (harness.run()["status"], seen) == ("running", [])
        harness.skip(3600)
        assert (harness.run()["status"], seen) == ("completed", [CANARY])


def test_a_secret_that_is_replaced_is_used_from_the_next_attempt_on(database_url: str) -> None:
    seen: list[str] = []

    def use(ctx: StepContext, key: Secret) -> None:
        seen.append(key)
        ctx.step.sleep("pause", 60)

    with opened(database_url, use) as harness:
        store(harness)
        run(harness)
        store(harness, value="the next value")
        harness.skip(100)
        assert seen == [CANARY, "the next value"]


def test_a_value_that_the_action_does_not_take_fails_the_step_without_showing_it(database_url: str) -> None:
    def use(key: Annotated[str, Field(secret=True, pattern="^pk_")]) -> None:
        raise AssertionError("not called")

    with opened(database_url, use) as harness:
        store(harness)
        # The pattern says nothing of the reference: it is the value that has to fit.
        assert run(harness)["status"] == "failed"
        assert loads(harness.run()["error"])["code"] == "invalid-input"
        assert_nowhere(everything(harness))


def test_undoing_a_step_gets_its_secrets_too(database_url: str) -> None:
    seen: list[Any] = []
    registry = a_registry()

    def undo(key: Secret, output: Any) -> None:
        seen.append((key, output))

    @registry.action("use", compensate=undo)
    def use(key: Secret) -> str:
        return f"made with {key}"

    document = using().action("b", "boom", retries=0).path("u", "b").document()
    with a_runtime(database_url, registry, secret_key=KEY) as harness:
        store(harness)
        run(harness, document)
        harness.drain()
        assert seen == [(CANARY, "made with •••(stripe)")]
        assert_nowhere(everything(harness))


def test_inputs_that_are_edited_for_a_rerun_keep_the_documents_secrets_and_get_no_others(database_url: str) -> None:
    from workflowkit.runtime.rerunning import Again

    seen: list[Any] = []

    def use(key: Secret, other: Secret, text: str = "") -> None:
        seen.append((key, other, text))

    document = using({"key": "!secret(stripe)", "other": "a literal"}).document()
    with opened(database_url, use) as harness:
        store(harness)
        store(harness, "second", "another value")
        first = run(harness, document)
        edited = {"key": "!secret(stripe)", "other": "!secret(second)", "text": "edited"}
        harness.runtime.rerunning.rerun(DEFAULT_SCOPE, first["id"], Again(from_step="u", inputs=edited))
        harness.drain()
        assert seen[1:] == [(CANARY, "!secret(second)", "edited")]


def test_an_application_may_have_a_store_of_its_own(database_url: str) -> None:
    class Own(SecretStore):
        asked: ClassVar[list[Any]] = []

        def values(self, scope: Scope, names: Any) -> dict[str, str]:
            self.asked.append((scope.tenant, *names))
            if len(self.asked) == 1:
                raise ConnectionError(f"no answer with {CANARY}")
            return {"stripe": CANARY}

    seen: list[str] = []
    registry = a_registry()

    @registry.action("use")
    def use(key: Secret) -> str:
        seen.append(key)
        return key

    harness = Harness(database_url, registry, extensions=Extensions(secret_store=Own()))
    try:
        run(harness)
        assert_nowhere(everything(harness))
        harness.skip(3600)
        assert (seen, Own.asked) == ([CANARY], [("default", "stripe")] * 2)
        assert loads(harness.run()["output"])["u"] == "•••(stripe)"
    finally:
        harness.close()


# --- storing them


def test_names_and_values_are_checked_when_they_are_stored(database_url: str) -> None:
    with opened(database_url, lambda key: None, limits=Limits(secrets_per_tenant=1, secret_bytes=40)) as harness:
        secrets = harness.runtime.secrets
        for name, value in (
            ("", "long enough"),
            ("a b", "long enough"),
            ("a", "short"),
            ("a", "x" * 41),
            ("a", " \n" * 9),
        ):
            with pytest.raises(InvalidInput):
                secrets.set(DEFAULT_SCOPE, NewSecret(name, value))
        with pytest.raises(InvalidInput, match="needs a value"):
            secrets.set(DEFAULT_SCOPE, NewSecret("a"))
        record, created = secrets.set(DEFAULT_SCOPE, NewSecret("a", "long enough", "for tests"))
        assert (record.name, record.description, created) == ("a", "for tests", True)
        record, created = secrets.set(DEFAULT_SCOPE, NewSecret("a", description="changed"))
        assert (record.description, created) == ("changed", False)
        assert secrets.values(DEFAULT_SCOPE, ["a", "b"]) == {"a": "long enough"}
        assert "long enough" not in repr(record) + repr(NewSecret("a", "long enough"))
        with pytest.raises(LimitExceeded):
            secrets.set(DEFAULT_SCOPE, NewSecret("b", "long enough"))
        secrets.set(OTHER, NewSecret("b", "long enough"))


def test_without_a_key_nothing_is_stored(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness, pytest.raises(InvalidInput, match="WORKFLOWKIT_SECRET_KEY"):
        store(harness)


def test_a_secret_in_use_is_not_deleted_by_accident(database_url: str) -> None:
    def use(key: Secret) -> None: ...

    with opened(database_url, use) as harness:
        secrets = harness.runtime.secrets
        store(harness)
        harness.deploy(using().document(), "pay")
        assert secrets.used_by(DEFAULT_SCOPE) == {"stripe": ("pay",)}
        assert secrets.used_by(OTHER) == {}
        with pytest.raises(SecretInUse, match="pay"):
            secrets.delete(DEFAULT_SCOPE, "stripe")
        with pytest.raises(NotFound):
            secrets.delete(OTHER, "stripe")
        secrets.delete(DEFAULT_SCOPE, "stripe", force=True)
        with pytest.raises(NotFound):
            secrets.get(DEFAULT_SCOPE, "stripe")
        acts = harness.column("SELECT action FROM audit_log ORDER BY seq")
        assert acts[0] == "secret.set"
        assert acts[-1] == "secret.deleted"
        assert_nowhere(everything(harness))


def test_an_unknown_secret_is_refused_when_people_publish_and_said_when_programs_do(database_url: str) -> None:
    def use(key: Secret) -> None: ...

    with opened(database_url, use) as harness:
        authoring, document = harness.runtime.authoring, using().document()
        deployed = authoring.deploy(DEFAULT_SCOPE, "by-program", document)
        assert [(p.code, p.pointer) for p in deployed.warnings] == [("unknown-secret", "/actions/0/inputs/key")]
        authoring.create(DEFAULT_SCOPE, document, workflow_id="by-hand")
        with pytest.raises(DefinitionError, match="no secret 'stripe'"):
            authoring.publish(DEFAULT_SCOPE, "by-hand")
        assert [p.code for p in authoring.validate(document, DEFAULT_SCOPE)] == ["unknown-secret"]
        store(harness)
        assert authoring.publish(DEFAULT_SCOPE, "by-hand").warnings == ()
        assert authoring.validate(document, OTHER) != authoring.validate(document, DEFAULT_SCOPE)


def test_everything_is_sealed_again_with_the_first_key(database_url: str) -> None:
    old, new = Keyring({"old": b"o" * 32}), Keyring({"new": b"n" * 32, "old": b"o" * 32})
    with opened(database_url, lambda key: None, secret_key=old.render()) as harness:
        from workflowkit.webhooks.settings import WebhookSettings

        store(harness)
        store(harness, value="their own value", scope=OTHER)
        github = WebhookSettings({"preset": "github"})
        harness.runtime.webhooks.create(DEFAULT_SCOPE, "github", github, secrets=["whsec_12345"])
        database = harness.runtime.database
        done = Resealing(database, lambda: new).all()
        assert {table: (each.count, each.unreadable) for table, each in done.items()} == {
            "secrets": (2, ()),
            "webhooks": (1, ()),
        }
        sealed = harness.column("SELECT sealed FROM secrets")
        assert all(text.startswith("v1.new.") for text in sealed)
        only_new = harness.new_process(secret_key=Keyring({"new": b"n" * 32}).render())
        assert only_new.secrets.values(OTHER, ["stripe"]) == {"stripe": "their own value"}
        assert only_new.webhooks.secrets_of(only_new.webhooks.get(DEFAULT_SCOPE, "github")) == ("whsec_12345",)
        lost = Resealing(database, lambda: Keyring({"third": b"t" * 32})).all()
        assert [row.name for row in lost["secrets"].unreadable] == ["stripe", "stripe"]


def test_whatever_a_line_has_besides_shows_no_value_and_ends_no_handler(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Shy:
        def __repr__(self) -> str:
            raise RuntimeError(CANARY)

    def use(ctx: StepContext, key: Secret) -> str:
        pair = namedtuple("pair", "left right")
        extra = {"raised": ValueError(key), "each": {key}, "pair": pair(key, 1), "raw": key.encode(), "shy": Shy()}
        ctx.logger.warning("so it is", extra={**extra, "by_number": {1: [key], 2: None}, "count": 3})
        return "done"

    with opened(database_url, use) as harness:
        store(harness, value="sk_live_C4n4ry")
        assert run(harness)["status"] == "completed"
    (line,) = [record for record in caplog.records if record.message == "so it is"]
    assert "sk_live_C4n4ry" not in repr({name: value for name, value in vars(line).items() if name != "shy"})


@pytest.mark.parametrize("table", ["secrets", "webhooks"])
def test_a_change_of_something_else_does_not_bring_an_older_value_back(
    database_url: str, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workflowkit.webhooks.settings import WebhookSettings

    with opened(database_url, lambda key: None) as harness:
        runtime, github = harness.runtime, WebhookSettings({"preset": "github"})
        store(harness)
        runtime.webhooks.create(DEFAULT_SCOPE, "github", github, secrets=["whsec_12345"])
        changes: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
            "secrets": (
                lambda: runtime.secrets.set(DEFAULT_SCOPE, NewSecret("stripe", None, "for tests")),
                lambda: store(harness, value="a new value"),
            ),
            "webhooks": (
                lambda: runtime.webhooks.update(DEFAULT_SCOPE, "github", github),
                lambda: runtime.webhooks.update(DEFAULT_SCOPE, "github", github, secrets=["whsec_67890"]),
            ),
        }
        describe, replace_value = changes[table]
        module = importlib.import_module(f"workflowkit.store.{table}")
        update, at_once = module.update, threading.Thread(target=replace_value)

        def update_late(*args: Any, **values: Any) -> None:
            if at_once.ident is None:
                at_once.start()
                at_once.join(0.5)  # it waits for this transaction, unless nothing keeps it from going first
            update(*args, **values)

        monkeypatch.setattr(module, "update", update_late)
        describe()
        at_once.join()
        assert runtime.secrets.values(DEFAULT_SCOPE, ["stripe"]) == {
            "stripe": "a new value" if table == "secrets" else CANARY
        }
        in_force = runtime.webhooks.secrets_of(runtime.webhooks.get(DEFAULT_SCOPE, "github"))
        assert in_force == ("whsec_67890" if table == "webhooks" else "whsec_12345",)
        assert runtime.secrets.get(DEFAULT_SCOPE, "stripe").description == ("for tests" if table == "secrets" else "")


def test_steps_without_secrets_ask_nobody(database_url: str) -> None:
    class Never(SecretStore):
        def values(self, scope: Scope, names: Any) -> dict[str, str]:
            raise AssertionError("asked")

    registry: Registry = a_registry()
    harness = Harness(database_url, registry, extensions=Extensions(secret_store=Never()))
    try:
        harness.deploy(a_workflow().chain("a", "b").trigger("go").document())
        harness.send("go")
        harness.drain()
        assert harness.run()["status"] == "completed"
    finally:
        harness.close()


def test_steps_of_loops_and_of_handlers_of_failures_get_secrets(database_url: str) -> None:
    seen: list[str] = []

    def use(ctx: StepContext, key: Secret, fails: bool = False) -> str:
        seen.append(ctx.step.node_id)
        assert key == CANARY
        if fails:
            raise NonRetriableError(f"refused {key}")
        return key

    inner = {"id": "inner", "kind": "use", "inputs": {"key": "!secret(stripe)"}}
    last = {"id": "last", "kind": "use", "inputs": {"key": "!secret(stripe)"}}
    document = a_workflow().action("each", "builtin:for_each", {"items": [1, 2]}).action(
        "bad", "use", {"key": "!secret(stripe)", "fails": True}
    ).path("$source", "each", "bad").trigger("go").document()  # fmt: skip
    document["actions"][0]["body"] = {"actions": [inner], "edges": [{"from": "$source", "to": "inner"}]}
    document["settings"] = {}
    document["settings"]["on_failure"] = {"actions": [last], "edges": [{"from": "$source", "to": "last"}]}
    with opened(database_url, use) as harness:
        store(harness)
        run(harness, document)
        assert seen == ["inner", "inner", "bad", "last"]
        assert_nowhere(everything(harness))


def test_what_closing_a_dependency_says_is_logged_without_the_value(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    def session() -> Iterator[str]:
        try:
            yield "a session"
        except RuntimeError as error:
            raise ConnectionError(f"cannot roll back after {error}") from None

    extensions = Extensions()
    extensions.provide({}, {"session": session})
    registry = a_registry()

    @registry.action("use", retries=0)
    def use(ctx: StepContext, key: Secret) -> None:
        assert ctx.deps.session == "a session"
        raise RuntimeError(f"refused {key}")

    with a_runtime(database_url, registry, secret_key=KEY, extensions=extensions) as harness:
        store(harness)
        assert run(harness)["status"] == "failed"
        assert "could not be closed: ConnectionError" in caplog.text
        assert_nowhere(caplog.text + everything(harness))


def test_a_vault_that_does_not_tell_names_keeps_nobody_from_publishing(database_url: str) -> None:
    class Silent(SecretStore):
        def values(self, scope: Scope, names: Any) -> dict[str, str]:
            return {}

        def names(self, scope: Scope) -> Any:
            raise ConnectionError("away")

    registry = a_registry()

    @registry.action("use")
    def use(key: Secret) -> None: ...

    harness = Harness(database_url, registry, extensions=Extensions(secret_store=Silent()))
    try:
        authoring = harness.runtime.authoring
        authoring.create(DEFAULT_SCOPE, using().document(), workflow_id="w")
        assert authoring.publish(DEFAULT_SCOPE, "w").created
    finally:
        harness.close()


def _asks(ctx: StepContext, key: str) -> None:
    ctx.step.approval(
        "ask", f"May {key}?", timeout="1d", description=key, assignees=[f"{key}@example.com"],
        form={"type": "object", "properties": {"x": {"title": key}}},
    )  # fmt: skip


def _signals(ctx: StepContext, key: str) -> None:
    with contextlib.suppress(StepError):
        ctx.step.send_signal("tell", key, {"key": key})
    ctx.step.wait_for_signal("hear", key, timeout="1d")


def _waits(ctx: StepContext, key: str) -> None:
    ctx.step.wait_for_event("w", "reply", timeout="1d", if_=f"async.data.x == '{key[:7]}'", params={"k": key})


def _fetches(ctx: StepContext, key: str) -> None:
    ctx.step.fetch("get", "GET", f"https://localhost/{quote(key)}", headers={"x": key.splitlines()[0]})


def _starts(ctx: StepContext, key: str) -> Any:
    ctx.start_run("child", {"key": key})
    ctx.send_event("a/b", {"key": key}, id=key)
    ctx.stop({"key": key})
    return None


def _retries(ctx: StepContext, key: str) -> Any:
    def fail() -> None:
        raise RetryAfterError(key, 5)

    return ctx.step.run("again", fail, retries=3)


def _branches(ctx: StepContext, key: str) -> Any:
    return ctx.group.parallel(
        [lambda: ctx.step.run("one", lambda: key), lambda: ctx.step.invoke("two", "child", {"key": key})]
    )


def test_whatever_else_a_handler_can_do_with_a_value_leaves_none(database_url: str) -> None:
    """Every way out of a handler, one after the other."""

    ways = {each.__name__: each for each in (_asks, _signals, _waits, _fetches, _starts, _retries, _branches)}

    def use(ctx: StepContext, key: Secret, way: str) -> Any:
        return ways[way](ctx, key)

    document = using({"key": "!secret(stripe)", "way": "!ref($.event.data.way)"}).document()
    with opened(database_url, use) as harness:
        store(harness)
        harness.deploy(a_workflow().action("n").path("$source", "n").document(), "child")
        harness.deploy(document)
        for way in ways:
            harness.send("go", {"way": way})
        harness.drain()
        harness.skip(600)
        stored = everything(harness)
        assert_nowhere(stored)
        assert stored.count("•••(stripe)") > 15
        assert set(harness.column("SELECT kind FROM waits")) == {"signal", "event", "run"}
        (approval,) = harness.rows("SELECT title, assignees FROM approvals")
        assert approval == {"title": "May •••(stripe)?", "assignees": '["•••(stripe)@example.com"]'}
        assert len(harness.rows("SELECT * FROM runs WHERE workflow_id = 'child'")) == 2
