"""What does not survive a fork, and is made anew in the child: threads, locks that others hold, connections.

A web server with ``--preload``, a prefork worker or ``multiprocessing`` forks a process that has used the kit. The
child has the memory of its parent and none of its threads. A lock that another thread held stays taken for ever, what a
thread was to do is done by nobody, and a socket belongs to both. So whatever has one of these registers here, and is
told in the child before any other code of it runs. What is registered is held weakly.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import weakref
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, TypeVar

_log = logging.getLogger(__name__)

_Class = TypeVar("_Class", bound=type)
Told = Callable[[], None]
_Moments = dict[int, tuple["weakref.ref[Any]", Callable[[Any], None]]]

_locks: weakref.WeakSet[Any] = weakref.WeakSet()
#: By number, as what is registered need not be hashable. In the order of registration.
_before: _Moments = {}
_in_parent: _Moments = {}
_in_child: _Moments = {}
_numbers = itertools.count()
#: What is the parent's and must not be closed here, not even by the garbage collector.
_abandoned: list[Any] = []

#: How long a fork waits for other threads: they may be waiting for the thread that forks.
WAIT_SECONDS = 5.0
#: How many forks lie between this process and the first that imported this.
generation = 0


def lock() -> threading.Lock:
    """Return a lock that is free in a child, whoever held it in the parent."""
    made = threading.Lock()
    _locks.add(made)
    return made


def register(in_child: Told, *, before: Told | None = None, in_parent: Told | None = None) -> None:
    """Call these methods of an object, for as long as it lives, at each fork: in the thread that forks."""
    for moment, told in ((_before, before), (_in_parent, in_parent), (_in_child, in_child)):
        if told is not None:
            _remember(moment, told)


def _remember(moment: _Moments, told: Told) -> None:
    method: Any = told
    number = next(_numbers)
    # The reference, with which this is called once the object is gone, becomes the default of ``pop``.
    moment[number] = (weakref.ref(method.__self__, partial(moment.pop, number)), method.__func__)


def abandon(owned: Any) -> None:
    """Keep what belongs to the parent from being closed in this process."""
    _abandoned.append(owned)


def frees_properties(owner: _Class) -> _Class:
    """Free the locks in a child that ``cached_property`` has before Python 3.12: one for all objects of a class."""
    _locks.update(
        each.lock for each in vars(owner).values() if isinstance(each, cached_property) and hasattr(each, "lock")
    )
    return owner


def _tell(moment: _Moments) -> None:
    for reference, method in list(moment.values()):
        told = reference()
        if told is None:
            continue
        try:
            method(told)
        except Exception:
            # The others have to be told all the same.
            _log.exception("something could not be prepared for a fork")


def _tell_child() -> None:
    global generation
    generation += 1
    for each in list(_locks):
        each._at_fork_reinit()
    _tell(_in_child)


class Undivided:
    """What a fork of another thread waits for, a while: a child could not go on with it, nor begin it anew.

    Such as an import: a module that a thread was importing can never be imported in the child.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._busy, self._forking = 0, 0
        register(self._in_child, before=self._before, in_parent=self._in_parent)

    def __enter__(self) -> None:
        with self._condition:
            self._condition.wait_for(lambda: not self._forking)
            self._busy += 1

    def __exit__(self, *_error: object) -> None:
        with self._condition:
            self._busy -= 1
            self._condition.notify_all()

    def _before(self) -> None:
        with self._condition:
            self._forking += 1
            self._condition.wait_for(lambda: self._busy <= 0, WAIT_SECONDS)

    def _in_parent(self) -> None:
        with self._condition:
            self._forking -= 1
            self._condition.notify_all()

    def _in_child(self) -> None:
        self._condition = threading.Condition()
        self._busy = self._forking = 0


#: For threads of ours that do nothing else meanwhile: not to be entered twice, nor by a thread that may fork.
undivided = Undivided()

os.register_at_fork(
    before=lambda: _tell(_before), after_in_parent=lambda: _tell(_in_parent), after_in_child=_tell_child
)
