"""``wk.realtime``: publishing from outside of runs, and tokens for those who follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workflowkit.base.scope import Scope, scope_or

if TYPE_CHECKING:
    from workflowkit.composition import Runtime


@dataclass(frozen=True, slots=True)
class Realtime:
    """The channels of an installation (docs/realtime.md). ``scope`` is meant where none is named."""

    _runtime: Callable[[], Runtime]
    _scope: Scope

    def publish(self, channel: str, topic: str, data: Any = None, *, scope: Scope | None = None) -> None:
        """Publish a message to those who follow a topic of a channel just now, or come back to it soon.

        Raises ``InvalidInput`` for bad names and for data that is no JSON, ``LimitExceeded``.
        """
        self._runtime().publishing.publish(scope_or(scope, self._scope), channel, topic, data)

    def token(
        self, channel: str, topics: Sequence[str], ttl_seconds: float = 60.0, *, scope: Scope | None = None
    ) -> str:
        """Return a token for the browser of a user of yours, with which it may follow these topics, and nothing else.

        It is good for connecting during ``ttl_seconds``, and cannot be called back. Find out first whether the user may
        see the channel: that of a run is ``run:<id>``, and its topic ``$status`` tells what happens to the run. Raises
        ``InvalidInput``.
        """
        made = self._runtime().subscription_tokens.mint(
            scope_or(scope, self._scope), channel, topics, ttl_seconds=ttl_seconds
        )  # fmt: skip
        return made.token
