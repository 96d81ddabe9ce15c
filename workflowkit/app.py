"""``WorkflowKit``: what an application makes one of, registers its actions on, and embeds."""

from __future__ import annotations

import functools
import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeAlias, TypeVar, Unpack

from workflowkit.base import forks
from workflowkit.base.clock import epoch_ms
from workflowkit.base.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from workflowkit.base.scope import Id, Scope, id_text, owner_of, scope_or
from workflowkit.base.sealing import Sealing
from workflowkit.base.secretstore import SecretStore
from workflowkit.base.settings import Settings
from workflowkit.engine.extensions import Extensions
from workflowkit.engine.middleware import MiddlewareFactory
from workflowkit.facade.alerts import AlertRules
from workflowkit.facade.approvals import Inbox
from workflowkit.facade.realtime import Realtime
from workflowkit.facade.runs import EventLookup, RunLookup
from workflowkit.facade.secrets import Vault
from workflowkit.process import Process
from workflowkit.registry import (
    ActionOptions,
    Function,
    FunctionOptions,
    Registry,
    check_named,
    define_function,
    endpoint_options,
    load_builtin_actions,
    load_directory,
    load_entry_points,
)

if TYPE_CHECKING:
    import sqlalchemy as sa
    from flask import Blueprint, Flask
    from flask.typing import ResponseReturnValue
    from sqlalchemy.orm import Session, scoped_session

    from workflowkit.api.endpoints import Later
    from workflowkit.base.clock import Clock
    from workflowkit.composition import Runtime
    from workflowkit.engine.states import RunStatus
    from workflowkit.engine.steptools import Invocable
    from workflowkit.facade.engine import LocalEngine
    from workflowkit.inngest.serving.options import ServeOptions
    from workflowkit.inngest.serving.servedapp import ServedApp
    from workflowkit.runtime.auditing import By
    from workflowkit.runtime.deliveries import ScopeOf, Source
    from workflowkit.runtime.functions import Absent, App, Synced
    from workflowkit.runtime.hosts import Authenticate
    from workflowkit.runtime.inforce import Published
    from workflowkit.runtime.intake import Accepted
    from workflowkit.runtime.pausing import Target
    from workflowkit.runtime.tenantchecks import TriggerPolicy
    from workflowkit.webhooks import Verify

DEFAULT_CONCURRENCY = 8
#: How long an embed token is good unless something else is said.
DEFAULT_EMBED_SECONDS = 900.0
#: What an embed token may allow beside viewing.
Right: TypeAlias = Literal["view", "edit", "publish", "run", "decide"]

_Handler = TypeVar("_Handler", bound=Callable[..., Any])
_Lister = TypeVar("_Lister", bound=Callable[..., Any])
_Maker = TypeVar("_Maker", bound=Callable[..., Any])
_P = ParamSpec("_P")
_R = TypeVar("_R")


@forks.frees_properties
class WorkflowKit:
    """Workflow Kit inside an application.

    ``settings`` come from the environment unless given; ``database_url``, ``database_schema`` and ``broker_url``
    override them. Nothing is connected and nothing heavy is imported before it is needed.

    ``app_id`` is the first half of the ids of its functions. ``app_version`` grows with each release: in a fleet that
    is half rolled out, the functions of the newest version are in force.
    """

    def __init__(
        self,
        app_id: str = "app",
        *,
        app_version: str | None = None,
        database_url: str | None = None,
        database_schema: str | None = None,
        broker_url: str | None = None,
        settings: Settings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.app_id, self.app_version = app_id, app_version
        self.settings = settings or Settings.from_environment(os.environ)
        if database_url is not None:
            self.settings = replace(self.settings, database_url=database_url)
        if database_schema is not None:
            self.settings = replace(self.settings, database_schema=database_schema)
        if broker_url is not None:
            self.settings = replace(self.settings, broker_url=broker_url)
        self.registry = Registry()
        load_builtin_actions(self.registry)
        load_entry_points(self.registry)
        self.extensions = Extensions()
        self._clock = clock
        self._webhooks: dict[str, Source] = {}
        self._process = Process(app_id, self.settings, lambda: self.runtime, self._sync)

    def action(self, kind: str, **options: Unpack[ActionOptions]) -> Callable[[_Handler], _Handler]:
        """Register the decorated function as an action; what ``options`` leave open is read from its signature.

        Raises ``DefinitionError`` if it cannot be an action, ``AlreadyExists`` if the kind is taken.
        """
        register = self.registry.action(kind, **options)

        def registered(handler: _Handler) -> _Handler:
            made = register(handler)
            if options.get("concurrency") is not None:
                self._process.sync_again(f"the limit of the kind {kind!r}")
            return made

        return registered

    def use(self, middleware: MiddlewareFactory | Sealing) -> None:
        """Put middleware around every attempt of every action and function, and around ``send``: a subclass of
        ``Middleware``, or a function without arguments that makes an instance; or an ``EncryptionMiddleware``
        (docs/middleware.md).

        Raises ``InvalidInput`` for anything else, ``Conflict`` for encryption that comes too late.
        """
        if isinstance(middleware, Sealing) and "runtime" in vars(self):
            raise Conflict("the database is in use already: say how values are encrypted before anything else")
        self.extensions.use(middleware)

    def allow_triggers(self, policy: TriggerPolicy) -> TriggerPolicy:
        """Register the decorated function, which says what triggers the workflows of a tenant may have.

        It is given a ``Scope`` and returns kinds (``event``, ``cron``, ``webhook``, ``manual``, ``http``) and names,
        such as ``event:shop/*`` and ``webhook:payments``. Other triggers are errors of a document, and the editor does
        not offer them. What the application publishes itself, and what is published already, is not affected. Raises
        ``Conflict`` once the database is in use.
        """
        if "runtime" in vars(self):
            raise Conflict("the database is in use already: say what may start workflows before anything else")
        self.extensions.trigger_policy = policy
        return policy

    def people(self, function: _Lister) -> _Lister:
        """Register the decorated function, which lists whom approvals may ask, as a function of ``options=`` does
        (docs/actions.md).

        Whoever edits an approval chooses its assignees from what it returns, in place of the tenant's users. Raises
        ``DefinitionError`` for a function that cannot be one.
        """
        self.registry.list_assignees(function)
        return function

    def declare_event(self, name: str, data: Any) -> None:
        """Say what the data of an event looks like: a JSON Schema, or a class such as actions take for their inputs.

        The editor then tells of references to fields that the data does not have. Raises ``InvalidInput`` for a name
        that no event can have, ``DefinitionError`` for an invalid schema, ``AlreadyExists`` for a second one.
        """
        self.registry.declare_event(name, data)

    def use_secrets(self, store: SecretStore) -> None:
        """Take the values of secrets from a store of the application's own, in place of the database.

        Raises ``Conflict`` if that comes too late.
        """
        if "runtime" in vars(self):
            raise Conflict("the database is in use already: say where secrets are before anything else")
        self.extensions.secret_store = store

    def provide(self, values: Mapping[str, Any] | None = None, /, **factories: Any) -> None:
        """Give handlers dependencies, as ``ctx.deps.<name>``.

        What can be called, such as a function, a generator or a session maker, is called in each attempt that uses the
        dependency, and what it gives is closed when the attempt ends. Everything else, and all of ``values``, is handed
        over as it is.
        Raises ``AlreadyExists``, or ``InvalidInput`` for a name that cannot be an attribute's.
        """
        self.extensions.provide(values or {}, factories)

    def webhook(
        self,
        name: str,
        *,
        verify: Verify,
        event_names: Sequence[str] | None = None,
        scope: Scope | ScopeOf | None = None,
    ) -> Callable[[_Maker], _Maker]:
        """Take deliveries at ``/w/<name>``; the decorated function makes events of those that are genuine.

        It is given a ``webhooks.Delivery`` and returns an event, a list of events, or ``None`` to ignore it; whatever
        it raises is answered with a 500, and the provider tries again. The ids of its events are compared with each
        other only, not with those of other webhooks or of events that are sent.

        The events are of the tenant ``scope``, or of the one that ``scope`` as a function returns for a genuine
        delivery (``None``: it is ignored); without it, of the tenant of the settings. Raises
        ``InvalidInput`` for a bad name, ``AlreadyExists``.
        """
        from workflowkit.runtime.deliveries import Source
        from workflowkit.webhooks.settings import name_problems

        if problems := list(name_problems(name)):
            raise InvalidInput(problems)
        if name in self._webhooks:
            raise AlreadyExists(f"there is a webhook {name!r} already")

        def register(maker: _Maker) -> _Maker:
            home, scope_of = (
                (self.settings.scope, scope) if callable(scope) else (scope_or(scope, self.settings.scope), None)
            )
            names = None if event_names is None else tuple(event_names)
            self._webhooks[name] = Source(name, verify, maker, home, names, scope_of)
            return maker

        return register

    def function(
        self, function_id: str, **options: Unpack[FunctionOptions]
    ) -> Callable[[Callable[_P, _R]], Function[_P, _R]]:
        """Register the decorated function, ``def handler(ctx)``, as a code function (docs/functions.md).

        The result can still be called like the function. Raises ``DefinitionError`` with everything that is wrong,
        ``AlreadyExists`` if the id is taken.
        """
        check_named("wk.function", function_id)

        def register(handler: Callable[_P, _R]) -> Function[_P, _R]:
            made = define_function(self.app_id, function_id, handler, options, app_version=self.app_version)
            self.registry.add_function(made)
            self._process.sync_again(f"function {made.id!r}")
            return made

        return register

    def durable_endpoint(
        self, function_id: str, *, scope: Scope | None = None, later: Later | None = None,
        **options: Unpack[FunctionOptions],
    ) -> Callable[[Callable[[Any], object]], Callable[..., ResponseReturnValue]]:  # fmt: skip
        """Make a view of a Flask application of the decorated function, ``def handler(ctx)``: a durable endpoint.

        The request performs it, each step durable, and is answered with what it returns. Once it waits, or a step is to
        be tried again, workers go on, and the answer is a redirect to the result, or ``later(run_id)``
        (docs/http-triggers.md). Raises what ``function`` raises, also for triggers and flow control.
        """
        check_named("wk.durable_endpoint", function_id)

        def register(handler: Callable[[Any], object]) -> Callable[..., ResponseReturnValue]:
            function = self.function(function_id, **endpoint_options(options))(handler)

            def view(**path: Any) -> ResponseReturnValue:
                from workflowkit.api.endpoints import Endpoint

                runtime, settings = self.runtime, self.settings
                endpoint = Endpoint(
                    function.id, scope_or(scope, settings.scope), runtime.endpoints, runtime.database, settings.limits,
                    self._sync, lambda: runtime.functions.is_retired(settings.environment, self.app_id, function.id),
                    settings.public_url, later,
                )  # fmt: skip
                return endpoint.answer(path)

            return functools.update_wrapper(view, handler)

        return register

    def serve(
        self,
        app: Flask | None = None,
        *,
        path: str = "/api/inngest",
        functions: Sequence[Function[..., Any]] | None = None,
        workflows: Mapping[str, Mapping[str, Any]] | None = None,
        **options: Unpack[ServeOptions],
    ) -> ServedApp:
        """Serve this application's functions to a server that speaks Inngest's protocol (docs/serving.md).

        All of them, or those given, and ``workflows``, documents by id. With a Flask ``app`` a route is added to it;
        the result can be served by other frameworks. Needs no database. Raises ``DefinitionError`` for what other
        servers cannot do, ``InvalidInput`` without a signing key outside of development.
        """
        from workflowkit.base.clock import SystemClock
        from workflowkit.inngest.serving.servedapp import Application, served_app

        clock = self._clock or SystemClock()
        application = Application(
            self.app_id, self.app_version, self.registry, self.settings, self.extensions, clock.now_ms
        )  # fmt: skip
        made = served_app(application, path, functions, workflows or {}, options)
        if app is not None:
            made.add_to(app)
        return made

    @cached_property
    def engine(self) -> LocalEngine:
        """The engine in memory, with this application's actions and settings."""
        from workflowkit.facade.engine import LocalEngine

        return LocalEngine(self.registry, self.settings, self.extensions)

    def load_actions(self, directory: str | Path) -> None:
        """Register every action that the modules of a directory define."""
        load_directory(self.registry, Path(directory))

    @cached_property
    def runtime(self) -> Runtime:
        """The parts behind this object: database, intake, authoring, control, worker."""
        from workflowkit.composition import Runtime
        from workflowkit.inngest.connect.exchange import Exchange
        from workflowkit.inngest.remote import install

        made = Runtime(
            self.settings, self.registry, self._clock, own_webhooks=self._webhooks, extensions=self.extensions
        )
        exchange = functools.cache(lambda: Exchange(made.worker_requests, made.notices, made.settings.limits))
        install(self.registry, lambda: made.database, self.settings, exchange)
        return made

    def migrate(self) -> None:
        """Bring the database to the schema of this version."""
        from workflowkit.store.migrate import upgrade

        upgrade(self.settings.database_url, schema=self.settings.database_schema)

    def publish(
        self,
        workflow_id: str,
        document: Mapping[str, Any],
        *,
        note: str | None = None,
        actor: str | None = None,
        scope: Scope | None = None,
    ) -> Published:
        """Publish a document as the next version of a workflow, which is made if it does not exist.

        The version keeps the ``note`` and who publishes it, ``actor`` (``program`` if it is left out). Publishing what
        is published already changes nothing. Raises ``DefinitionError`` with all problems, ``LimitExceeded``, and
        ``WorkflowArchived`` for something new in a workflow that is archived.
        """
        from workflowkit.runtime.auditing import PROGRAM

        return self.runtime.authoring.deploy(
            scope_or(scope, self.settings.scope), workflow_id, dict(document), note=note, by=_by(actor) or PROGRAM
        )

    def send(
        self,
        events: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        session: Session | scoped_session[Any] | sa.Connection | None = None,
        scope: Scope | None = None,
    ) -> list[Accepted]:
        """Send one event or several: all are accepted, in order, or none.

        With ``session`` (a SQLAlchemy session, ``scoped_session`` or connection to the same database) the events are
        part of the caller's transaction: they exist if and only if it commits. Raises ``InvalidInput``, also for a
        session that cannot promise that, or ``LimitExceeded``.
        """
        scope = scope_or(scope, self.settings.scope)
        values = [events] if isinstance(events, Mapping) else list(events)
        intake = self.runtime.intake
        if session is None:
            return self.extensions.send(values, lambda given: intake.send(scope, given))
        from workflowkit.facade.joined import send_joined

        return self.extensions.send(values, lambda given: send_joined(intake, session, scope, given))

    def signal(self, name: str, data: Any = None, *, scope: Scope | None = None) -> str:
        """Resume the run that waits for this signal (``ctx.step.wait_for_signal``) with ``data``; return its id.

        Raises ``NotFound`` if no run ever waited for it, ``Conflict`` if the wait has ended: received, or timed out;
        ``InvalidInput`` for a name of the engine's own (``workflow/...``).
        """
        return self.runtime.waking.signal(scope_or(scope, self.settings.scope), name, data)

    def invoke(self, function: Invocable | str, data: Any = None, *, scope: Scope | None = None) -> str:
        """Start a run of a function, or of a workflow by its id, with ``data`` as its event's; return the run's id.

        If it has a ``batch`` or ``debounce``, the run is in none. If other flow control skips it, the id is of no run.

        Raises ``NotFound`` if it was never published or synced, ``Conflict`` if it is switched off.
        """
        return self._invoke(function, data, scope_or(scope, self.settings.scope))

    def _invoke(self, function: Invocable | str, data: Any, scope: Scope, *, at_ms: int | None = None) -> str:
        target = function if isinstance(function, str) else function.id
        try:
            return self.runtime.invoking.invoke(scope, target, data, at_ms=at_ms)
        except NotFound as error:
            if (own := f"{self.app_id}/{target}") in self.registry.functions:
                raise NotFound(f"{error.message}; the function of this application is {own!r}") from None
            if target in self.registry.functions:
                hint = "it comes there when this application starts, or by wk.sync()"
                raise NotFound(f"the function {target!r} is not in the database yet: {hint}") from None
            raise

    def sync(self, *, force: bool = False) -> Synced:
        """Bring the functions in the database to those of this application, unless a newer version has synced them.

        ``start``, ``work`` and ``api`` do it by themselves. ``force`` lets older code replace newer. Idempotent.
        """
        return self.runtime.functions.sync(self.settings.environment, self.declared, force=force).log_warnings()

    def _sync(self, absent: Absent | None = None) -> Synced:
        """Sync by itself, which is careful with functions that this process does not have."""
        from workflowkit.runtime.functions import Absent

        functions, environment = self.runtime.functions, self.settings.environment
        return functions.sync(environment, self.declared, absent=absent or Absent.KEPT).log_warnings()

    @property
    def declared(self) -> App:
        """The functions and the limits of kinds that are registered, and the version of the code they are from."""
        from workflowkit.runtime.functions import App

        limits = {spec.kind: spec.concurrency for spec in self.registry}
        return App(self.app_id, self.app_version, self.registry.functions, limits=limits)

    def schedule(
        self, target: Invocable | str, data: Any = None, *, at: datetime, scope: Scope | None = None
    ) -> ScheduledRun:
        """Let a run of a function or workflow begin at ``at``, a time with a time zone; return a handle.

        If the workflow has a ``batch`` or ``debounce``, the run is in none: it begins at its time, by itself.

        Raises what ``invoke`` raises, and ``InvalidInput`` for a time without a zone.
        """
        whose = scope_or(scope, self.settings.scope)
        run_id = self._invoke(target, data, whose, at_ms=_milliseconds(at))
        return ScheduledRun(self, run_id, whose)

    def pause(
        self,
        target: Invocable | str | None = None,
        *,
        running: Literal["freeze", "cancel"] = "freeze",
        reason: str | None = None,
        actor: str | None = None,
        scope: Scope | None = None,
    ) -> None:
        """Let no run of a workflow begin, and freeze the runs there are between two steps, or cancel them.

        ``target`` is a workflow's id, or a function, which is paused for all tenants unless there is a ``scope``;
        without it everything of the tenant is paused. Raises ``NotFound``.
        """
        from workflowkit.store.pauses import Running

        self.runtime.pausing.pause(
            self._target(target, scope), running=Running(running), reason=reason, by=_by(actor)
        )  # fmt: skip

    def resume(self, target: Invocable | str | None = None, *, scope: Scope | None = None) -> bool:
        """Lift a pause: frozen runs go on. Tell whether there was one. Raises ``NotFound``."""
        return self.runtime.pausing.resume(self._target(target, scope))

    def drain(
        self,
        target: Invocable | str | None = None,
        *,
        reason: str | None = None,
        actor: str | None = None,
        scope: Scope | None = None,
    ) -> None:
        """Let no run of a workflow begin any more; those there are run to their end. ``target`` as in ``pause``."""
        self.runtime.pausing.drain(self._target(target, scope), reason=reason, by=_by(actor))

    def undrain(self, target: Invocable | str | None = None, *, scope: Scope | None = None) -> bool:
        """Lift a drain. Tell whether there was one. Raises ``NotFound``."""
        return self.runtime.pausing.undrain(self._target(target, scope))

    def replay_skipped(
        self,
        target: Invocable | str | None = None,
        *,
        reasons: Sequence[str] = ("drained", "paused", "archived", "disabled"),
        since: datetime | None = None,
        condition: str | None = None,
        rate_per_second: float = 50.0,
        scope: Scope | None = None,
    ) -> str:
        """Start runs for events that were skipped while a workflow was drained, paused, archived or switched off.

        Each event starts that workflow only, under its flow control, as if it came now; an event that is replayed twice
        starts it once. ``target`` is the workflow or function (default: all), ``since`` the time from which on events
        were skipped. Returns the id of the job that does it; the job waits while there is a drain or pause, or while
        ``target`` is switched off. Raises ``InvalidInput``, ``NotFound``.
        """
        from workflowkit.runtime.jobs import NewJob
        from workflowkit.store.jobs import JobKind

        if target is not None:
            self.runtime.pausing.check_exists(self._target(target, scope))
        workflow_id = target if target is None or isinstance(target, str) else target.id
        wanted = NewJob(
            JobKind.REPLAY, workflow_id=workflow_id, skipped=tuple(reasons), condition=condition,
            created_after_ms=0 if since is None else _milliseconds(since, "/since"), rate_per_second=rate_per_second,
        )  # fmt: skip
        return self.runtime.jobs.create(scope_or(scope, self.settings.scope), wanted).id

    def archive(self, workflow_id: str, *, actor: str | None = None, scope: Scope | None = None) -> None:
        """Put a workflow away: it starts no runs, and nobody changes it. Runs that have started go on to their end.

        Idempotent. Raises ``NotFound``.
        """
        from workflowkit.runtime.auditing import PROGRAM

        self.runtime.authoring.archive(scope_or(scope, self.settings.scope), workflow_id, by=_by(actor) or PROGRAM)

    def restore(self, workflow_id: str, *, actor: str | None = None, scope: Scope | None = None) -> None:
        """Bring an archived workflow back as it was. Idempotent. Raises ``NotFound``."""
        from workflowkit.runtime.auditing import PROGRAM

        self.runtime.authoring.restore(scope_or(scope, self.settings.scope), workflow_id, by=_by(actor) or PROGRAM)

    def _target(self, target: Invocable | str | None, scope: Scope | None) -> Target:
        from workflowkit.runtime.pausing import Target

        workflow_id = "" if target is None else target if isinstance(target, str) else target.id
        return Target(scope_or(scope, owner_of(self.settings.scope, workflow_id)), workflow_id)

    def cancel(
        self, run_id: str, *, reason: str | None = None, actor: str | None = None, scope: Scope | None = None
    ) -> RunStatus:
        """End a run; return its status: one that has ended already stays as it is.

        No further step starts; a step that is running goes on to its end, and its result changes nothing. ``reason``
        and ``actor`` are kept with the run. Raises ``NotFound``.
        """
        return self.runtime.control.cancel(scope_or(scope, self.settings.scope), run_id, reason=reason, actor=actor)

    def skip_wait(self, run_id: str, step: str, *, actor: str | None = None, scope: Scope | None = None) -> None:
        """End a wait of a run now, as if its time had come: a sleep is over, an event or a signal has not come.

        ``step`` is the wait's key, or the id of the action that waits for one thing. Raises ``NotFound``, ``Conflict``.
        """
        self.runtime.skipping.skip(scope_or(scope, self.settings.scope), run_id, step, actor=actor)

    def embed_token(
        self,
        *,
        tenant: Id | None = None,
        workflow: str | None = None,
        rights: Sequence[Right] = ("view",),
        ttl_seconds: float = DEFAULT_EMBED_SECONDS,
        user: Id = "",
        environment: str | None = None,
    ) -> str:
        """Return a token for the browser of a user of yours, with which the editor in your page opens ``workflow``, or,
        without one, all of the tenant's (docs/editor-embedding.md).

        ``rights`` are ``view``, ``edit``, ``publish``, ``run`` and ``decide``; ``user`` is kept with what is done, and
        is who decides. A token cannot be revoked, so let it expire within minutes. That it was issued is entered in the
        audit log. Raises ``InvalidInput``.
        """
        from workflowkit.runtime.auditing import PROGRAM
        from workflowkit.runtime.embedding import Embed

        own = self.settings.scope
        scope = Scope(
            own.environment if environment is None else environment, own.tenant if tenant is None else id_text(tenant)
        )  # fmt: skip
        embed = Embed(scope, workflow, tuple(rights), id_text(user))
        return self.runtime.embed_tokens.issue(embed, ttl_seconds=ttl_seconds, by=PROGRAM).token

    @property
    def approvals(self) -> Inbox:
        """What people are asked, and how the host decides in their names."""
        return Inbox(lambda: self.runtime.approvals, self.settings.scope)

    @property
    def realtime(self) -> Realtime:
        """Messages to those who follow a channel, and their tokens."""
        return Realtime(lambda: self.runtime, self.settings.scope)

    @property
    def runs(self) -> RunLookup:
        """The runs there are: found by what they are and what they say, and told step by step."""
        return RunLookup(lambda: self.runtime, self.settings.scope)

    @property
    def events(self) -> EventLookup:
        """The events there are, and what became of them."""
        return EventLookup(lambda: self.runtime, self.settings.scope)

    @property
    def secrets(self) -> Vault:
        """The secrets of tenants, which workflows refer to by name."""
        return Vault(lambda: self.runtime, self.settings.scope)

    @property
    def alerts(self) -> AlertRules:
        """The rules that tell when runs fail too often."""
        return AlertRules(lambda: self.runtime.alerts, self.settings.scope)

    def blueprint(
        self,
        *,
        url_prefix: str = "/workflows",
        authenticate: Authenticate | None = None,
        login_url: str | None = None,
    ) -> Blueprint:
        """Return the API and the web interface as a blueprint for a Flask application of yours.

        ``authenticate()`` is called with each request, in your own request context, and returns the ``HostUser`` who is
        logged in, or ``None``; pages lead strangers to ``login_url``. Without it people log in here (docs/login.md).
        """
        from workflowkit.api import create_blueprint

        services = replace(self._services(), login_url=login_url)
        return create_blueprint(
            services, url_prefix=url_prefix, authenticate=authenticate, extend=lambda app: self._let_apps_in(app)
        )

    def metrics_blueprint(
        self, *, allow: Callable[[], bool], url_prefix: str = "/metrics", name: str = "workflowkit_metrics"
    ) -> Blueprint:
        """Return what Prometheus scrapes as a blueprint for a Flask application of yours (docs/operating.md).

        The numbers are of the whole installation. ``allow()`` is called with each request, in your own request context,
        and says whether it gets them; others are told that there is no such page.
        """
        from workflowkit.api.scraping import create_metrics_blueprint

        return create_metrics_blueprint(lambda: self.runtime.metrics, name=name, url_prefix=url_prefix, allow=allow)

    def api(self, *, dev_mode: bool = False) -> Flask:
        """Return the API as a Flask application of its own."""
        from workflowkit.api import create_app

        if self.declared.has_any:
            self._process.sync_soon()
        app = create_app(self._services(dev_mode=dev_mode))
        self._let_apps_in(app, dev_mode=dev_mode)
        return app

    def _let_apps_in(self, app: Flask, *, dev_mode: bool = False) -> None:
        """Serve what apps of Inngest's SDKs call, too."""
        from workflowkit.inngest.server import AppServer
        from workflowkit.inngest.web import mount

        mount(app, AppServer(lambda: self.runtime), dev_mode=dev_mode)

    def start(self, *, concurrency: int = DEFAULT_CONCURRENCY) -> None:
        """Run steps in this process: a Celery worker on threads, and the relay. A forked child has neither."""
        self._process.start(concurrency)

    def work(self, *, concurrency: int = DEFAULT_CONCURRENCY, name: str = "worker") -> int:
        """Be a worker process until SIGTERM or SIGINT, which let running steps end; return the exit code."""
        try:
            return self._process.work(concurrency, name)
        finally:
            self.stop()

    def start_gateway(self, listener: socket.socket) -> None:
        """Let workers of Inngest's SDKs connect to this process, on a socket that listens already, until ``stop``.

        Needs the package of the extra ``connect``. It does not live on in a forked child.
        """
        self._process.start_gateway(listener)

    def run_scheduler(self, until: threading.Event) -> None:
        """Be a scheduler, which finds what is due and hints it, until the event is set."""
        self._process.run_scheduler(until)
        self.stop()

    def stop(self) -> None:
        """Let running steps end, then end all threads of this process and close its connections."""
        self._process.stop()
        if "runtime" in vars(self):
            self.runtime.close()
            del self.runtime

    def _services(self, *, dev_mode: bool = False) -> Any:
        from workflowkit.api.services import services_of
        from workflowkit.inngest.server import syncing_of

        sync_app = syncing_of(lambda: self.runtime).sync
        return services_of(self.runtime, dev_mode=dev_mode, sync_app=sync_app)


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """A run that begins later (``WorkflowKit.schedule``)."""

    wk: WorkflowKit
    run_id: str
    scope: Scope

    def reschedule(self, at: datetime) -> None:
        """Let it begin at another time. Raises ``Conflict`` if it has begun, ``NotFound`` if its event waits yet."""
        self.wk.runtime.scheduling.reschedule(self.scope, self.run_id, _milliseconds(at))

    def cancel(self, *, reason: str | None = None, actor: str | None = None) -> RunStatus:
        """End it; return its status."""
        return self.wk.cancel(self.run_id, reason=reason, actor=actor, scope=self.scope)


def _by(actor: str | None) -> By | None:
    from workflowkit.runtime.auditing import By

    return None if actor is None else By(actor)


def _milliseconds(at: datetime, pointer: str = "/at") -> int:
    if at.tzinfo is None:
        raise InvalidInput.at(pointer, "invalid-value", "a time needs a time zone")
    return epoch_ms(at)
