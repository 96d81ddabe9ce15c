"""Where the concrete parts of a process are put together, for the CLI, the tests and embedding applications alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from workflowkit.actionconfig import action_config
from workflowkit.base import forks
from workflowkit.base.clock import Clock, SystemClock
from workflowkit.base.errors import Conflict
from workflowkit.base.ids import random_fraction
from workflowkit.base.links import Links
from workflowkit.base.sealing import LenientSealing
from workflowkit.base.secrets import Keyring
from workflowkit.base.secretstore import SecretStore
from workflowkit.base.settings import LOCAL_BROKER_URL, Settings
from workflowkit.base.tokens import Tokens
from workflowkit.definition.model import Workflow
from workflowkit.dispatch.broker import broker_trouble
from workflowkit.dispatch.celery_app import create_celery, register_tasks
from workflowkit.dispatch.publisher import CeleryDispatcher
from workflowkit.dispatch.redis_notices import RedisNotices
from workflowkit.dispatch.standin import InTurn, StandIn
from workflowkit.engine.extensions import Extensions, skipped_node
from workflowkit.engine.facts import Fact
from workflowkit.engine.optionlists import OptionLists
from workflowkit.registry import Registry
from workflowkit.runtime.admission import Admitting
from workflowkit.runtime.adopting import Adopting
from workflowkit.runtime.advance import Advance
from workflowkit.runtime.aftermath import Aftermath
from workflowkit.runtime.alerts import Alerts
from workflowkit.runtime.approvals import Approvals
from workflowkit.runtime.approving import REMINDER_TIMER, Approving
from workflowkit.runtime.apps import Apps
from workflowkit.runtime.authoring import Authoring
from workflowkit.runtime.caching import Caching
from workflowkit.runtime.callbacks import Callbacks
from workflowkit.runtime.cancelling import Cancelling
from workflowkit.runtime.children import Children
from workflowkit.runtime.claiming import Claiming
from workflowkit.runtime.collecting import Collecting
from workflowkit.runtime.connecting import Connecting
from workflowkit.runtime.control import Control
from workflowkit.runtime.deliveries import Deliveries, Source
from workflowkit.runtime.dequeuing import Dequeuing
from workflowkit.runtime.embedding import EmbedTokens
from workflowkit.runtime.emitting import Emitting
from workflowkit.runtime.ending import Ending
from workflowkit.runtime.endpoints import Endpoints
from workflowkit.runtime.functions import Functions
from workflowkit.runtime.hints import Dispatcher
from workflowkit.runtime.intake import Intake
from workflowkit.runtime.inviting import MailInvitations
from workflowkit.runtime.invoking import Invoking
from workflowkit.runtime.jobs import Jobs
from workflowkit.runtime.leases import Heartbeat
from workflowkit.runtime.lifecycle import Lifecycle
from workflowkit.runtime.logins import Logins
from workflowkit.runtime.logs import Logs
from workflowkit.runtime.loops import Loops
from workflowkit.runtime.matching import Matching
from workflowkit.runtime.metrics import Metrics
from workflowkit.runtime.moving import Moving
from workflowkit.runtime.nextturn import NextTurn
from workflowkit.runtime.notices import LocalNotices, Notices
from workflowkit.runtime.oidc import Oidc
from workflowkit.runtime.oversight import BrokerState, Oversight
from workflowkit.runtime.overtaking import Overtaking
from workflowkit.runtime.pausing import Pausing
from workflowkit.runtime.performing import Performer, run_info
from workflowkit.runtime.position import ENDED_TIMER, Jitter, Schedule
from workflowkit.runtime.presence import Presence, Serving
from workflowkit.runtime.pruning import Kept, Pruning
from workflowkit.runtime.publishing import Publishing, SubscriptionTokens
from workflowkit.runtime.readiness import wait_for_tables
from workflowkit.runtime.relay import Relay, RelayThread
from workflowkit.runtime.requesting import Requesting
from workflowkit.runtime.rerunning import Rerunning
from workflowkit.runtime.resealing import Resealing
from workflowkit.runtime.samples import FORGET_TIMER, forget_taken
from workflowkit.runtime.schedules import TIMER_KIND, Schedules
from workflowkit.runtime.scheduling import Scheduling
from workflowkit.runtime.searching import Searching
from workflowkit.runtime.secrets import Secrets
from workflowkit.runtime.sessions import Sessions
from workflowkit.runtime.skipping import Skipping
from workflowkit.runtime.stepping import Stepping
from workflowkit.runtime.suspending import Suspending
from workflowkit.runtime.tenantchecks import TenantChecks
from workflowkit.runtime.throttling import RATE_TIMER
from workflowkit.runtime.throttling import repeat as repeat_rate
from workflowkit.runtime.timers import Timers
from workflowkit.runtime.versions import Versions
from workflowkit.runtime.waiting import LOOKBACK_TIMER, Waiting
from workflowkit.runtime.waking import Waking
from workflowkit.runtime.webhooks import Webhooks
from workflowkit.runtime.worker import Worker
from workflowkit.runtime.workerrequests import WorkerRequests
from workflowkit.store.database import Database
from workflowkit.store.runs import RunRecord
from workflowkit.store.workers import Role
from workflowkit.streams.handover import Streams
from workflowkit.streams.hub import Hub

if TYPE_CHECKING:
    from celery import Celery


@forks.frees_properties
@dataclass
class Runtime:
    """The parts of one process, made when first needed. In a forked child they begin anew (``base.forks``)."""

    settings: Settings
    registry: Registry
    clock: Clock | None = None
    dispatcher_override: Dispatcher | None = None
    jitter: Jitter = random_fraction
    own_webhooks: Mapping[str, Source] = field(default_factory=dict)
    extensions: Extensions = field(default_factory=Extensions)

    @cached_property
    def database(self) -> Database:
        settings = self.settings
        database = Database.open(
            settings.database_url,
            self.clock,
            sealing=self.extensions.sealing,
            schema=settings.database_schema,
            is_for_work=True,
        )
        database.on_change = self.notices.tell
        return database

    @cached_property
    def option_lists(self) -> OptionLists:
        return OptionLists(self.settings.limits, self.extensions.providers, self.secret_store)

    @cached_property
    def notices(self) -> Notices:
        url = self.settings.broker_url
        return LocalNotices() if url == LOCAL_BROKER_URL else RedisNotices(url)

    @cached_property
    def streams(self) -> Streams:
        sealing = self.database.sealing
        # Messages are for those who follow them: whoever has a token sees them as they were published.
        opened = self.database.view(None if sealing is None else LenientSealing(sealing))
        hub = Hub(opened, self.notices, self.settings.limits)
        return Streams(opened, hub, self.settings.limits)

    @cached_property
    def publishing(self) -> Publishing:
        return Publishing(self.database, self.settings.limits)

    @cached_property
    def subscription_tokens(self) -> SubscriptionTokens:
        return SubscriptionTokens(lambda: self.keyring, self.clock or SystemClock(), self.settings.limits)

    @cached_property
    def celery(self) -> Celery:
        return create_celery(self.settings)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        return self.dispatcher_override or CeleryDispatcher(self.celery)

    @cached_property
    def intake(self) -> Intake:
        return Intake(self.database, self.dispatcher, self.settings)

    @cached_property
    def authoring(self) -> Authoring:
        checks = TenantChecks(
            self.settings.limits,
            self.secret_store,
            self.extensions.trigger_policy,
            lambda scope, names: self.deliveries.known_among(scope, names),
        )
        return Authoring(self.database, self.registry, self.settings.limits, self.registry.events, checks)

    @cached_property
    def keyring(self) -> Keyring | None:
        """What stored secrets are encrypted with; ``None`` on a server database without ``secret_key``."""
        if self.settings.secret_key is not None:
            return Keyring.parse(self.settings.secret_key)
        if self.database.is_postgresql:
            return None
        path = self.database.engine.url.database
        return Keyring.from_file(Path(f"{path}.secret-key")) if path and path != ":memory:" else Keyring.generate()

    @cached_property
    def secrets(self) -> Secrets:
        return Secrets(self.database, lambda: self.keyring, self.settings.limits)

    @property
    def editable_secrets(self) -> Secrets:
        """The secrets in the database. Raises ``Conflict`` where the application has a store of its own."""
        if self.extensions.secret_store is not None:
            raise Conflict("secrets are kept by the application: change them there")
        return self.secrets

    @property
    def secret_store(self) -> SecretStore:
        """Where steps get the values of secrets from."""
        return self.extensions.secret_store or self.secrets

    @cached_property
    def resealing(self) -> Resealing:
        return Resealing(self.database, lambda: self.keyring)

    @cached_property
    def webhooks(self) -> Webhooks:
        return Webhooks(self.database, lambda: self.keyring, self.settings.limits, taken=self.own_webhooks)

    @cached_property
    def deliveries(self) -> Deliveries:
        return Deliveries(self.database, self.intake, self.webhooks, self.own_webhooks, self.settings.limits)

    @cached_property
    def functions(self) -> Functions:
        return Functions(self.database, self.authoring)

    @cached_property
    def apps(self) -> Apps:
        return Apps(self.database, self.authoring, self.settings.limits)

    @cached_property
    def connecting(self) -> Connecting:
        return Connecting(self.database, self.settings.environment, listed=self.settings.limits.connections)

    @cached_property
    def worker_requests(self) -> WorkerRequests:
        return WorkerRequests(self.database, self.dispatcher, self.settings.limits, grace_ms=self._grace_ms)

    @cached_property
    def session_tokens(self) -> Tokens | None:
        """The tokens with which workers come to a gateway; ``None`` where nothing could sign them."""
        return None if self.keyring is None else Tokens(self.keyring, self.clock or SystemClock())

    @cached_property
    def invoking(self) -> Invoking:
        return Invoking(
            self.database, self._versions, self.dispatcher, self.settings.limits, grace_ms=self._grace_ms,
            key_window_ms=int(self.settings.event_dedup_seconds * 1000),
        )  # fmt: skip

    @cached_property
    def requesting(self) -> Requesting:
        claiming_nothing = replace(self._schedule, queues=frozenset())
        limits = self.settings.limits
        admitting = Admitting(self._versions, claiming_nothing, limits)
        matching = Matching(self.database, self._versions, claiming_nothing, limits, self._ending, admitting)
        return Requesting(self.invoking, matching, self.dispatcher)

    @cached_property
    def endpoints(self) -> Endpoints:
        return Endpoints(self.invoking, self.worker)

    @cached_property
    def adopting(self) -> Adopting:
        silence_ms = self.settings.limits.endpoint_silence_seconds * 1000
        return Adopting(self.database, self._versions, self._schedule, self.dispatcher, silence_ms=silence_ms)

    @cached_property
    def rerunning(self) -> Rerunning:
        return Rerunning(
            self.database, self._versions, self._schedule, self.dispatcher, self._ending, self.settings.limits
        )

    @cached_property
    def moving(self) -> Moving:
        return Moving(self.database, self._versions, self._schedule, self.dispatcher, self._ending)

    @cached_property
    def jobs(self) -> Jobs:
        return Jobs(
            self.database, self._cancelling, self.rerunning, self.settings.limits, grace_ms=self._grace_ms
        )  # fmt: skip

    @cached_property
    def searching(self) -> Searching:
        return Searching(self.database, self.settings.limits)

    @cached_property
    def skipping(self) -> Skipping:
        return Skipping(self.database, self._versions, self.dispatcher, grace_ms=self._grace_ms)

    @cached_property
    def control(self) -> Control:
        return Control(self.database, self.dispatcher, self._cancelling, self.settings.limits)

    @cached_property
    def worker(self) -> Worker:
        settings = self.settings
        emitting = Emitting(self._schedule, event_dedup_seconds=settings.event_dedup_seconds)
        claiming = Claiming(self._versions, self._schedule, self._waiting, self.extensions)
        next_turn = NextTurn(self.database, self._schedule, self._versions)
        dequeuing = Dequeuing(self.database, self._schedule, claiming, self._ending, next_turn)
        advance = Advance(
            self.database, self._schedule, self.jitter, emitting, claiming, dequeuing, self._ending, next_turn
        )  # fmt: skip
        return Worker(
            Matching(self.database, self._versions, self._schedule, settings.limits, self._ending, self._admitting),
            advance,
            Suspending(self.database, self._waiting, self._schedule),
            self._performer(emitting),
            self.dispatcher,
            self.registry,
            settings,
        )

    def _performer(self, emitting: Emitting) -> Performer:
        stepping = Stepping(
            self.database,
            emitting,
            self._waiting,
            self.dispatcher,
            self.links,
            self._invitations,
            self.publishing,
            self.waking,
        )
        return Performer(
            stepping,
            Caching(self.database, self.settings.limits),
            self._loops,
            self.heartbeat,
            self.logs,
            self.secret_store,
            self.extensions,
            action_config(self.settings),
            self.settings.limits,
            self.jitter,
        )

    @cached_property
    def logs(self) -> Logs:
        return Logs(self.database, self.settings.limits, level=self.settings.run_log_level)

    @cached_property
    def heartbeat(self) -> Heartbeat:
        return Heartbeat(self.database, lease_seconds=self.settings.lease_seconds)

    @cached_property
    def timers(self) -> Timers:
        timers = Timers(self.database, self.dispatcher)
        schedules = Schedules(self.settings.limits, grace_seconds=self.settings.hint_grace_seconds)
        timers.handle(TIMER_KIND, schedules.fire)
        timers.handle(LOOKBACK_TIMER, self.waking.look_back)
        timers.handle(ENDED_TIMER, self._ending.fire)
        timers.handle(RATE_TIMER, repeat_rate)
        timers.handle(FORGET_TIMER, forget_taken)
        self._cancelling.register(timers)
        self.jobs.register(timers)
        timers.handle(REMINDER_TIMER, self.approvals.remind)
        self.pausing.register(timers)
        self.alerts.register(timers)
        self.publishing.register(timers)
        Collecting(self._admitting, self._ending, grace_ms=self._grace_ms).register(timers)
        return timers

    @cached_property
    def pausing(self) -> Pausing:
        return Pausing(self.database, self.settings.limits, grace_ms=self._grace_ms)

    @cached_property
    def alerts(self) -> Alerts:
        return Alerts(self.database, self.settings.limits, grace_ms=self._grace_ms)

    @cached_property
    def scheduling(self) -> Scheduling:
        return Scheduling(self.database, self.dispatcher, grace_ms=self._grace_ms)

    @cached_property
    def waking(self) -> Waking:
        return Waking(self.database, self.dispatcher, self.settings.limits, grace_ms=self._grace_ms)

    @cached_property
    def approvals(self) -> Approvals:
        return Approvals(self.database, self.dispatcher, self.links, self._grace_ms, self.settings.limits)

    @cached_property
    def callbacks(self) -> Callbacks:
        return Callbacks(self.database, self.dispatcher, self._grace_ms, self.settings.limits)

    @cached_property
    def links(self) -> Links:
        return Links(self.settings.public_url, lambda: self.keyring)

    @cached_property
    def embed_tokens(self) -> EmbedTokens:
        return EmbedTokens(lambda: self.keyring, self.clock or SystemClock(), self.database, self.settings.limits)

    @cached_property
    def oversight(self) -> Oversight:
        return Oversight(self.database, self._look_at_broker, grace_ms=self._grace_ms)

    @cached_property
    def metrics(self) -> Metrics:
        return Metrics(
            self.database, self.settings.scope.tenant, self.settings.metrics_tenants,
            most_workflows=self.settings.limits.metrics_workflows,
            grace_ms=self._grace_ms,
        )  # fmt: skip

    def _look_at_broker(self) -> BrokerState:
        url = self.settings.broker_url
        return BrokerState("in-process" if url == LOCAL_BROKER_URL else "redis", broker_trouble(url))

    @cached_property
    def sessions(self) -> Sessions:
        settings = self.settings
        return Sessions(self.database, int(settings.session_idle_seconds * 1000), int(settings.session_seconds * 1000))

    @cached_property
    def oidc(self) -> Oidc | None:
        """The OpenID provider of the settings, if they name one."""
        if self.settings.oidc_issuer is None:
            return None
        clock = self.clock or SystemClock()
        return Oidc(self.settings, lambda: None if self.keyring is None else Tokens(self.keyring, clock), clock)

    @cached_property
    def logins(self) -> Logins:
        return Logins(self.database, self.sessions, self.settings.limits, self.settings.scope)

    @cached_property
    def relay(self) -> Relay:
        return Relay(self.database, self.dispatcher, self.timers, grace_seconds=self.settings.hint_grace_seconds)

    def relay_thread(self, serving: Serving) -> RelayThread:
        presence = Presence(self.database, serving, lambda: self.heartbeat.held_count)
        interval_seconds = self.settings.relay_interval_seconds
        overtaking = self.overtaking if serving.role is Role.WORKER else None
        return RelayThread(
            self.relay, interval_seconds=interval_seconds, presence=presence, pruning=self.pruning,
            overtaking=overtaking, wait=lambda stopping: wait_for_tables(self.database, stopping),
        )  # fmt: skip

    @cached_property
    def overtaking(self) -> Overtaking:
        return Overtaking(self.database, self.worker.overtake, grace_seconds=self.settings.hint_grace_seconds)

    @cached_property
    def pruning(self) -> Pruning:
        return Pruning(self.database, Kept.by(self.settings))

    def register_tasks(self, concurrency: int) -> Celery:
        """Let this process's Celery application hand hints to its worker, and hints that cannot be sent go there."""
        self._in_turn.allow(concurrency)
        if isinstance(self.dispatcher, CeleryDispatcher):
            self.dispatcher.let_stand_in(StandIn(self._in_turn, self.settings.queues, concurrency))
        return self._celery_with_tasks

    def drain(self) -> None:
        """Let this process's worker begin nothing any more, and hand on what it has in hand."""
        self.worker.drain()
        if isinstance(self.dispatcher, CeleryDispatcher):
            self.dispatcher.drain()

    def close(self) -> None:
        """Send what is waiting, end the threads and close the connections of the parts that were made."""
        made = vars(self)
        if isinstance(made.get("dispatcher"), CeleryDispatcher):
            made["dispatcher"].stop()  # steps that its stand-in executes need the others until they end
        if "streams" in made:
            self.streams.close()
        if "heartbeat" in made:
            self.heartbeat.stop()
        if "logs" in made:
            self.logs.stop()
        if "notices" in made:
            self.notices.close()
        if "database" in made:
            self.database.close()

    @cached_property
    def _in_turn(self) -> InTurn:
        return InTurn(self.worker)

    @cached_property
    def _celery_with_tasks(self) -> Celery:
        register_tasks(self.celery, self._in_turn)
        return self.celery

    @cached_property
    def _waiting(self) -> Waiting:
        limits = self.settings.limits
        children = Children(self._versions, self._schedule, limits, self._ending, self._admitting)
        return Waiting(children, self._loops, Approving(self.links), limits)

    @cached_property
    def _loops(self) -> Loops:
        return Loops(self.database, self._versions, self._schedule, self.settings.limits)

    @cached_property
    def _cancelling(self) -> Cancelling:
        return Cancelling(self._versions, self._ending, self.settings.limits)

    @cached_property
    def _invitations(self) -> MailInvitations:
        return MailInvitations(self.database, self.links, self.settings.email_url, self.settings.email_from)

    @cached_property
    def _ending(self) -> Ending:
        lifecycle = Lifecycle(self.settings.limits)
        aftermath = Aftermath(self._versions, self._schedule, lifecycle)
        return Ending(lifecycle, aftermath, self._admitting, grace_ms=self._grace_ms)

    @cached_property
    def _admitting(self) -> Admitting:
        return Admitting(self._versions, self._schedule, self.settings.limits)

    def _tell_of_skip(self, run: RunRecord, workflow: Workflow, fact: Fact) -> None:
        node = workflow.nodes[fact.step]
        self.extensions.skipped(self.registry.executable(node.kind), lambda: skipped_node(run_info(run), node, fact))

    @cached_property
    def _versions(self) -> Versions:
        return Versions()

    @property
    def _grace_ms(self) -> int:
        return int(self.settings.hint_grace_seconds * 1000)

    @cached_property
    def _schedule(self) -> Schedule:
        return Schedule(
            registry=self.registry,
            queues=frozenset(self.settings.queues),
            lease_ms=int(self.settings.lease_seconds * 1000),
            grace_ms=self._grace_ms,
            on_skip=self._tell_of_skip,
            sealing=self.extensions.sealing,
        )
