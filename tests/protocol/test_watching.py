"""The dev server asks the apps of its machine for their functions: those it is told of, knows, or finds."""

from __future__ import annotations

from urllib.parse import urlsplit

import flask
import inngest
import inngest.flask
from sdkapps import SdkApp, serving

from workflowkit.inngest.server import syncing_of
from workflowkit.inngest.watching import AppWatch
from workflowkit.store.appsyncs import SyncRow


def _app(sdk: SdkApp, *, expression: str | None = None) -> flask.Flask:
    """Return an app that nobody has registered."""
    client = inngest.Inngest(app_id="shop")
    trigger = inngest.TriggerEvent(event="go", expression=expression)

    @client.create_function(fn_id="greet", trigger=trigger)
    def greet(ctx: inngest.ContextSync) -> None:
        pass

    web = flask.Flask("app")
    inngest.flask.serve(web, client, [greet])
    return web


def _watch(sdk: SdkApp, told: list[SyncRow], *, urls: tuple[str, ...] = (), ports: tuple[int, ...] = ()) -> AppWatch:
    syncing = syncing_of(lambda: sdk.wk.runtime)
    return AppWatch(syncing, "default", urls=urls, ports=ports, on_synced=told.append)


def test_an_app_that_is_named_is_synced_and_then_known(sdk: SdkApp) -> None:
    told: list[SyncRow] = []
    with serving(_app(sdk)) as address:
        url = f"{address}/api/inngest"
        assert _watch(sdk, told, urls=(url,)).look() == [url]
        assert [row.published for row in told] == [("shop/greet",)]
        again = _watch(sdk, told)
        assert again.look() == again.look() == [url]
    assert len(told) == 1


def test_an_app_is_found_where_it_listens(sdk: SdkApp) -> None:
    told: list[SyncRow] = []
    with serving(_app(sdk)) as address, serving(flask.Flask("other")) as other:
        ports = tuple(urlsplit(each).port or 0 for each in (other, address))
        assert _watch(sdk, told, ports=ports).look() == [f"{address}/api/inngest"]
    assert [row.status for row in told] == ["synced"]


def test_a_failure_is_told_and_kept_once(sdk: SdkApp) -> None:
    told: list[SyncRow] = []
    with serving(_app(sdk, expression="(((")) as address:
        watch = _watch(sdk, told, urls=(f"{address}/api/inngest",))
        watch.look()
        watch.look()
    assert [row.status for row in told] == ["failed"]
    (kept,) = sdk.wk.runtime.apps.syncs("default", limit=10)
    assert (kept.id, kept.error) == (told[0].id, told[0].error)


def test_an_app_that_is_not_there_or_archived_is_let_alone(sdk: SdkApp) -> None:
    told: list[SyncRow] = []
    with serving(_app(sdk)) as address:
        url = f"{address}/api/inngest"
        _watch(sdk, told, urls=(url,)).look()
        sdk.wk.runtime.apps.archive("default", "shop")
        assert _watch(sdk, told).look() == []
    assert _watch(sdk, told, urls=(url, "http://127.0.0.1:9/api/inngest")).look() == []
    assert [row.status for row in told] == ["synced"]


def test_a_watch_looks_by_itself_until_it_is_stopped(sdk: SdkApp) -> None:
    from sdkapps import eventually

    told: list[SyncRow] = []
    with serving(_app(sdk)) as address:
        watch = _watch(sdk, told, urls=(f"{address}/api/inngest",))
        watch.start()
        try:
            eventually(lambda: told or None)
        finally:
            watch.stop()
    assert told[0].app_id == "shop"
