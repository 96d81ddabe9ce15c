"""How a call gets to an app: over HTTP, or to a worker that has connected (``connect.exchange``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from workflowkit.engine.context import StepContext
from workflowkit.inngest import endpoints
from workflowkit.inngest.addresses import Address
from workflowkit.inngest.client import AppClient
from workflowkit.inngest.registration import call_url
from workflowkit.inngest.replies import RawReply


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function: the hash of the step that is asked for, and all that the app is told.

    ``version`` is that of the protocol, ``generation`` says which attempt calls, ``job_id`` is the same when the
    same is asked again; with ``plans_only`` the app executes no step by itself.
    """

    hashed: str
    payload: dict[str, Any] = field(repr=False)
    version: int
    generation: int
    job_id: str
    plans_only: bool


class Carrier(Protocol):
    """Brings calls to apps."""

    def send(self, context: StepContext, address: Address, call: Call) -> RawReply:
        """Return the reply, whatever it says.

        Raises ``SuspendInterrupt`` where nobody takes the call now, ``AttemptFailed``, and what ``netguard`` raises.
        """
        ...


@dataclass(frozen=True, slots=True)
class HttpCarrier:
    """Calls apps over HTTP."""

    client: AppClient

    def send(self, context: StepContext, address: Address, call: Call) -> RawReply:
        """Send the call to the address of the function."""
        headers = {
            "X-Run-Id": context.run.id, "X-Inngest-Step-Id": call.hashed,
            "X-Inngest-Req-Version": str(call.version), "X-Inngest-Generation-Id": str(call.generation),
            "X-Inngest-Job-Id": call.job_id,
        }  # fmt: skip
        if address.is_endpoint:
            return endpoints.send(self.client, address, context.event, headers, plans_only=call.plans_only)
        return self.client.send("POST", call_url(address.url, address.slug, call.hashed), call.payload, headers)
