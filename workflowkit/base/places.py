"""Places for work that holds a thread for a while: so many in a process, and so many of them for one tenant."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from workflowkit.base import forks
from workflowkit.base.errors import ProcessBusy, TooManyAtOnce
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Places:
    """The places of a process for one sort of work; ``total`` and ``per_tenant`` name the limits of their number."""

    limits: Limits
    total: str
    per_tenant: str
    _taken: Counter[Scope] = field(default_factory=Counter, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=forks.lock, init=False, repr=False)

    def __post_init__(self) -> None:
        forks.register(self._begin)

    def _begin(self) -> None:
        self._taken.clear()  # what a parent does, it does itself

    def take(self, scope: Scope) -> Callable[[], None]:
        """Take a place; return what gives it back, the first time that it is called.

        Raises ``TooManyAtOnce`` if the tenant has as many as it may, ``ProcessBusy`` if all are taken.
        """
        most: int = getattr(self.limits, self.total)
        most_of_tenant: int = getattr(self.limits, self.per_tenant)
        with self._lock:
            if self._taken[scope] >= most_of_tenant:
                raise TooManyAtOnce(self.per_tenant, most_of_tenant)
            if self._taken.total() >= most:
                raise ProcessBusy(self.total, most)
            self._taken[scope] += 1
        is_taken = True

        def leave() -> None:
            nonlocal is_taken
            with self._lock:
                if is_taken:
                    is_taken = False
                    self._taken[scope] -= 1
                    if self._taken[scope] == 0:
                        del self._taken[scope]

        return leave
