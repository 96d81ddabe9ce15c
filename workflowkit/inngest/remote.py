"""The action behind every function of an app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workflowkit.base.errors import NonRetriableError
from workflowkit.base.settings import Settings
from workflowkit.engine.context import StepContext
from workflowkit.inngest.addresses import Addresses
from workflowkit.inngest.appactions import AppActions
from workflowkit.inngest.carriers import Carrier, HttpCarrier
from workflowkit.inngest.client import AppClient, TakenKeys
from workflowkit.inngest.connect.exchange import Exchange
from workflowkit.inngest.conversation import Conversation
from workflowkit.inngest.naming import slug_of
from workflowkit.inngest.registration import is_connected_url
from workflowkit.registry import REMOTE_PREFIX, ActionSpec, Registry
from workflowkit.store.database import Database
from workflowkit.typeschema import Binding

_NO_INPUTS: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": True}


def install(
    registry: Registry,
    database: Callable[[], Database],
    settings: Settings,
    exchange: Callable[[], Exchange] | None = None,
) -> None:
    """Let workers of this registry execute the functions of apps; ``database`` is asked for when one is executed.

    ``exchange`` is what reaches workers that connect; without it they are not reached.
    """

    taken = TakenKeys()

    def spec(function_id: str) -> ActionSpec:
        def call(context: StepContext) -> Any:
            addresses = Addresses(database())
            address = addresses.of(context.run.environment, function_id)
            client = AppClient.of(settings, context.session.now_ms, taken)
            carrier: Carrier = HttpCarrier(client)
            if is_connected_url(address.url):
                if exchange is None:
                    raise NonRetriableError("workers that connect are not reached from here")
                carrier = exchange()
            return Conversation(context, address, client, addresses, carrier).run()

        return ActionSpec(
            kind=f"{REMOTE_PREFIX}{function_id}",
            handler=call,
            name=slug_of(function_id),
            inputs=_NO_INPUTS,
            timeout_seconds=settings.limits.remote_call_seconds,
            binding=Binding(names=frozenset()),
        )

    registry.remote = spec
    registry.offered = AppActions(database, settings)
