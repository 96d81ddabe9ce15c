"""What Celery and kombu carry into a forked child: connections of the parent, and locks that its threads held.

They know of forks by ``multiprocessing`` only. Each look at a ``cached_property`` of kombu's takes a lock that all
objects of its class share, so a worker's threads hold one more often than not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from celery import Celery
from celery.utils.dispatch import Signal
from kombu import pools
from kombu.utils.collections import eqhash

_PACKAGES = ("celery", "kombu")


def begin_in_child(app: Celery) -> None:
    """Let a forked child have locks and connections of its own."""
    made: Any = app
    for held in (*_shared_locks(), made.clock.mutex, made._finalize_mutex):
        held._at_fork_reinit()
    if "amqp" not in vars(made):
        return  # it has never sent anything
    made._after_fork()
    for group in (pools.producers, pools.connections):
        group.pop(eqhash(made.connection_for_write()), None)


def _shared_locks() -> Iterator[Any]:
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] in _PACKAGES]
    for value in [value for module in modules for value in list(getattr(module, "__dict__", {}).values())]:
        # By ``type``: Celery's proxies answer ``isinstance`` with what they stand for, and take locks to find that.
        if issubclass(type(value), Signal):
            signal: Any = value
            yield signal.lock
        elif issubclass(type(value), type):
            yield from (each.lock for each in vars(value).values() if _has_lock(each))


def _has_lock(member: object) -> bool:
    return isinstance(member, cached_property) and hasattr(member, "lock")
