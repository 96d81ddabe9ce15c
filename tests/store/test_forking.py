"""Processes that fork after they have used the kit: children have connections, threads and locks of their own."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from builders import a_workflow

from workflowkit import Settings, WorkflowKit
from workflowkit.base import forks
from workflowkit.base.errors import StoreUnavailable
from workflowkit.definition.model import SOURCE
from workflowkit.store import forking
from workflowkit.store.database import Database

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

CHILDREN, ROUNDS = 3, 15
CHILD_SECONDS = 30
DOCUMENT = a_workflow().action("a", "log", {"message": "x"}).edge(SOURCE, "a").trigger("test/happened").document()


def forked(work: Callable[[], object]) -> int:
    """Do something in a child; return its process id. It ends with 0 if that worked."""
    child = os.fork()
    if child:
        return child
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(CHILD_SECONDS)  # one that hangs ends, and is no success
    code = 1
    try:
        work()
        code = 0
    except BaseException as error:
        os.write(2, f"in the child: {error!r}\n".encode())
    finally:
        os._exit(code)


def exit_codes(*children: int) -> list[int]:
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def send(wk: WorkflowKit, name: str = "test/happened") -> None:
    wk.send({"name": name, "data": {"by": os.getpid()}})


def use(wk: WorkflowKit) -> None:
    for _ in range(ROUNDS):
        send(wk)
        wk.runs.list(limit=5)
        with wk.runtime.database.read() as tx:
            names = tx.connection.exec_driver_sql("SELECT DISTINCT name FROM events").all()
        assert names == [("test/happened",)]


def count_events(wk: WorkflowKit) -> int:
    with wk.runtime.database.read() as tx:
        return int(tx.connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one())


@pytest.fixture
def wk(database_url: str) -> Iterator[WorkflowKit]:
    made = WorkflowKit("test", settings=Settings(database_url=database_url))
    made.publish("test", DOCUMENT)
    yield made
    made.stop()


@contextmanager
def in_transaction(database: Database) -> Iterator[threading.Event]:
    """Let another thread be in a transaction until the block, or the event that it gives, ends it."""
    is_in, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        with database.transaction("key"):
            is_in.set()
            is_over.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert is_in.wait(60)
    try:
        yield is_over
    finally:
        is_over.set()
        thread.join()


def test_children_and_parent_each_have_connections_of_their_own(wk: WorkflowKit) -> None:
    send(wk)

    children = [forked(lambda: use(wk)) for _ in range(CHILDREN)]
    use(wk)

    assert exit_codes(*children) == [0] * CHILDREN
    assert count_events(wk) == 1 + (CHILDREN + 1) * ROUNDS


def test_a_fork_while_another_thread_is_in_a_transaction(wk: WorkflowKit) -> None:
    database = wk.runtime.database
    with in_transaction(database) as is_over:
        threading.Timer(0.3, is_over.set).start()
        child = forked(lambda: use(wk))

        assert exit_codes(child) == [0]
    use(wk)
    assert count_events(wk) == 2 * ROUNDS


def test_the_transaction_of_another_thread_is_untouched_by_a_child_that_ends(postgres_url: str) -> None:
    database = Database.open(postgres_url)
    is_in, may_end, done = threading.Event(), threading.Event(), []

    def hold() -> None:
        with database.transaction("key") as tx:
            tx._run("CREATE TEMP TABLE held (n int)")
            is_in.set()
            may_end.wait(20)
            done.append(tx._run("SELECT count(*) FROM held").fetchone()[0])

    thread = threading.Thread(target=hold)
    thread.start()
    assert is_in.wait(60)

    codes = exit_codes(forked(database.now_ms))
    may_end.set()
    thread.join()

    assert codes == [0]
    assert done == [0]
    database.close()


def test_a_fork_on_a_file_waits_for_others_and_only_for_a_while(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database.open(sqlite_url)
    with in_transaction(database) as is_over:
        threading.Timer(0.5, is_over.set).start()
        began = time.monotonic()
        child = forked(lambda: None)
        took = time.monotonic() - began
    assert exit_codes(child) == [0]
    assert 0.3 < took < 4

    monkeypatch.setattr(forking, "WAIT_SECONDS", 0.1)
    with in_transaction(database):
        child = forked(lambda: None)
    assert exit_codes(child) == [0]
    database.now_ms()
    with database.transaction("key"):
        pass
    database.close()


def test_no_connection_to_a_file_is_open_at_a_fork(sqlite_url: str) -> None:
    database = Database.open(sqlite_url)
    with database.read():
        pass

    def look() -> None:
        links = (os.path.realpath(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd"))
        assert not [each for each in links if each.startswith(sqlite_url.removeprefix("sqlite:///"))]

    assert exit_codes(forked(look)) == [0]
    database.close()


def test_a_transaction_that_a_child_comes_out_of_is_refused_there(postgres_url: str) -> None:
    database = Database.open(postgres_url)
    child = 0
    try:
        with database.transaction("key") as tx:
            tx._run("CREATE TEMP TABLE held (n int)")
            child = os.fork()
            if child:
                assert exit_codes(child) == [3]
                assert tx._run("SELECT count(*) FROM held").fetchone()[0] == 0
    except StoreUnavailable:
        os._exit(3 if child == 0 else 4)
    finally:
        if child == 0:
            os._exit(5)
    database.close()


def test_hints_of_a_child_reach_the_broker(database_url: str, redis_url: str) -> None:
    import redis

    wk = WorkflowKit("test", settings=Settings(database_url=database_url, broker_url=redis_url))
    with redis.Redis.from_url(redis_url) as broker:
        send(wk)
        _until(lambda: broker.llen("workflowkit.default") == 1)

        def work() -> None:
            send(wk)
            _until(lambda: not wk.runtime.dispatcher._event_ids)  # type: ignore[attr-defined]
            wk.stop()

        codes = exit_codes(*[forked(work) for _ in range(CHILDREN)])
        send(wk)

        assert codes == [0] * CHILDREN
        _until(lambda: broker.llen("workflowkit.default") == 2 + CHILDREN)
    wk.stop()


def test_a_fork_waits_for_what_is_not_to_be_divided() -> None:
    is_in, seen = threading.Event(), []

    def work() -> None:
        with forks.undivided:
            is_in.set()
            time.sleep(0.3)
            seen.append("done")

    thread = threading.Thread(target=work)
    thread.start()
    assert is_in.wait(60)

    def look() -> None:
        assert seen == ["done"]
        with forks.undivided:
            pass

    assert exit_codes(forked(look)) == [0]
    thread.join()
    with forks.undivided:
        pass


def test_children_of_a_process_that_has_only_just_sent_something_send_too(sqlite_url: str) -> None:
    for _ in range(5):
        wk = WorkflowKit("test", settings=Settings(database_url=sqlite_url))
        send(wk)
        assert exit_codes(forked(lambda wk=wk: send(wk))) == [0]  # type: ignore[misc]
        wk.stop()


def test_what_a_thread_holds_of_celery_and_kombu_is_free_in_a_child(wk: WorkflowKit) -> None:
    from celery import Celery
    from kombu import Connection

    app = wk.runtime.celery
    send(wk)
    _until(lambda: "amqp" in vars(app))
    time.sleep(0.5)  # in which its publisher has sent that
    held = [vars(Celery)["amqp"].lock, vars(Connection)["connection_errors"].lock, app.clock.mutex, app._finalize_mutex]  # type: ignore[attr-defined]
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with ExitStack() as stack:
            for each in held:
                stack.enter_context(each)
            is_held.set()
            may_end.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert is_held.wait(60)

    def work() -> None:
        send(wk)
        wk.stop()

    codes = exit_codes(forked(work))
    may_end.set()
    thread.join()
    assert codes == [0]


def _until(is_so: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def test_a_child_is_told_of_what_processes_tell(postgres_url: str, redis_url: str) -> None:
    wk = WorkflowKit("test", settings=Settings(database_url=postgres_url, broker_url=redis_url))
    heard: list[str] = []
    notices = wk.runtime.notices
    notices.listen(heard.extend)

    def work() -> None:
        heard.clear()
        notices.listen(heard.extend)
        other = WorkflowKit("other", settings=Settings(database_url=postgres_url, broker_url=redis_url))
        ends_at = time.monotonic() + 10
        while "from another" not in heard:
            assert time.monotonic() < ends_at
            other.runtime.notices.tell(["from another"])
            time.sleep(0.05)
        other.stop()

    assert exit_codes(forked(work)) == [0]
    wk.stop()


def test_a_child_leaves_the_streams_of_its_parent_alone(wk: WorkflowKit) -> None:
    hub = wk.runtime.streams.hub
    ours, theirs = socket.socketpair()
    hub._thread = threading.current_thread()  # as if it held this one
    hub._connections["x"] = {ours}  # type: ignore[arg-type]

    def work() -> None:
        assert hub._connections == {}
        assert hub._thread is None

    assert exit_codes(forked(work)) == [0]
    hub._thread = None
    hub._connections.clear()
    ours.send(b"still open")
    assert theirs.recv(100) == b"still open"
    ours.close()
    theirs.close()


def test_a_lock_that_another_thread_holds_is_free_in_a_child() -> None:
    made, is_held, may_end = forks.lock(), threading.Event(), threading.Event()

    def hold() -> None:
        with made:
            is_held.set()
            may_end.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert is_held.wait(60)

    def work() -> None:
        assert made.acquire(timeout=30)

    codes = exit_codes(forked(work))
    assert not made.acquire(blocking=False)
    may_end.set()
    thread.join()
    assert codes == [0]


class Part:
    def __init__(self, told: list[str]) -> None:
        self._told = told
        forks.register(self._in_child, before=self._before, in_parent=self._in_parent)

    def _in_child(self) -> None:
        self._told.append("child")

    def _before(self) -> None:
        self._told.append("before")

    def _in_parent(self) -> None:
        self._told.append("parent")


def test_parts_are_told_of_forks_for_as_long_as_they_live() -> None:
    told: list[str] = []
    part = Part(told)

    def work() -> None:
        assert told == ["before", "child"]

    assert exit_codes(forked(work)) == [0]
    assert told == ["before", "parent"]

    del part
    assert exit_codes(forked(lambda: None)) == [0]
    assert told == ["before", "parent"]
