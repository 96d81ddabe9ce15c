"""Signatures: the protocol's own vectors, what is refused, and a production app that trusts nobody without one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import httpx
import inngest
import inngest.flask
import jcs  # type: ignore[import-untyped]
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sdkapps import SdkApp, a_server, serving

from workflowkit.base.errors import Unauthenticated
from workflowkit.cli.root import cli
from workflowkit.inngest.canonical import canonical_json
from workflowkit.inngest.server import AppServer
from workflowkit.inngest.signing import SIGNATURE_HEADER, WINDOW_SECONDS, SigningKeys, key_hash, sign
from workflowkit.runtime.keys import Keys

KEY, OTHER = "signkey-test-12345678", "signkey-test-87654321"
NOW = 1_795_327_654

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)  # fmt: skip


def test_the_hash_of_a_key_is_that_of_its_bytes() -> None:
    assert key_hash(KEY) == "b2ed992186a5cb19f6668aade821f502c1d00970dfd0e35128d51bac4649916c"


@given(_JSON)
def test_canonical_json_is_what_the_sdks_library_makes_of_it(value: object) -> None:
    assert canonical_json(value) == jcs.canonicalize(value)


@pytest.mark.parametrize(
    ("number", "text"), [(1e21, "1e+21"), (1e20, "100000000000000000000"), (1e-7, "1e-7"), (0.000001, "0.000001"),
                         (-0.0, "0"), (4.50, "4.5"), (2**60, "1152921504606847000")],
)  # fmt: skip
def test_numbers_are_written_as_ecmascript_writes_them(number: float, text: str) -> None:
    assert canonical_json(number).decode() == text


@pytest.mark.parametrize("prefix", ["", "signkey-test-", "signkey-prod-"])
def test_a_bearer_may_have_the_prefix_or_not(prefix: str) -> None:
    SigningKeys(KEY).check_bearer(prefix + key_hash(KEY))


def test_while_keys_are_changed_both_count() -> None:
    keys = SigningKeys(OTHER, KEY)
    keys.check_bearer(key_hash(KEY))
    keys.check_signature(sign(KEY, b"{}", NOW), b"{}", NOW)
    keys.check_signature(sign(OTHER, b"{}", NOW), b"{}", NOW)


@pytest.mark.parametrize("token", ["", "12345678", KEY, key_hash(OTHER), "é"])
def test_another_bearer_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated):
        SigningKeys(KEY).check_bearer(token)


@pytest.mark.parametrize("off_by", [-WINDOW_SECONDS - 1, WINDOW_SECONDS + 1])
def test_a_signature_from_outside_of_the_window_is_refused(off_by: int) -> None:
    with pytest.raises(Unauthenticated, match="last 300 seconds"):
        SigningKeys(KEY).check_signature(sign(KEY, b"{}", NOW + off_by), b"{}", NOW)


@pytest.mark.parametrize("off_by", [-WINDOW_SECONDS, WINDOW_SECONDS])
def test_a_signature_at_the_edge_of_the_window_counts(off_by: int) -> None:
    SigningKeys(KEY).check_signature(sign(KEY, b"{}", NOW + off_by), b"{}", NOW)


@pytest.mark.parametrize(
    ("signature", "body"),
    [
        (sign(KEY, b'{"a":1}', NOW), b'{"a":2}'),
        (sign(OTHER, b"{}", NOW), b"{}"),
        (sign(KEY, b"{}", NOW).replace(f"t={NOW}", f"t={NOW + 1}"), b"{}"),
        (sign(KEY, b"{}", NOW)[:-1], b"{}"),
        (f"t={NOW}", b"{}"),
        ("", b"{}"),
        ("&&&", b"{}"),
        (f"t={NOW}&s=é", b"{}"),
    ],
)
def test_a_signature_that_was_tampered_with_is_refused(signature: str, body: bytes) -> None:
    with pytest.raises(Unauthenticated):
        SigningKeys(KEY).check_signature(signature, body, NOW)


@pytest.fixture
def production(tmp_path: Path) -> Iterator[SdkApp]:
    """A server that asks for keys, and an app that does."""
    with a_server(tmp_path, dev_mode=False, signing_key=KEY, allow_private_networks=True) as (wk, url):
        _, event_key = Keys(wk.runtime.database).create(wk.settings.scope, "app", {"events:send"})
        yield SdkApp(wk, url, _production_client(url, event_key, KEY))


def _production_client(url: str, event_key: str, signing_key: str) -> inngest.Inngest:
    return inngest.Inngest(
        app_id="shop", is_production=True, api_base_url=url, event_api_base_url=url, event_key=event_key,
        signing_key=signing_key,
    )  # fmt: skip


def test_a_production_app_takes_signed_calls(production: SdkApp) -> None:
    @production.client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="go"))
    def greet(ctx: inngest.ContextSync) -> str:
        return ctx.step.run("name", lambda: "grüß Gott 1.0")

    bearer = {"Authorization": f"Bearer {key_hash(KEY)}"}
    with production.serve([greet]) as synced:
        assert synced.status_code == 200, synced.text
        run = production.run_of(production.send("go", {"price": 1.50}), headers=bearer)
        assert httpx.post(f"{production.app_url}?fnId=shop-greet&stepId=step", json={}).status_code == 401
    assert run["output"] == "grüß Gott 1.0"


def test_a_production_app_registers_when_it_is_asked_to(production: SdkApp, monkeypatch: pytest.MonkeyPatch) -> None:
    @production.client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="go"))
    def greet(ctx: inngest.ContextSync) -> None:
        pass

    with production.serve([greet]):
        command = ["apps", "sync", production.app_url]
        monkeypatch.setenv("WORKFLOWKIT_SIGNING_KEY", KEY)
        assert CliRunner().invoke(cli, command).exit_code == 0


def test_an_app_with_another_key_cannot_register(production: SdkApp) -> None:
    stranger = SdkApp(production.wk, production.server, _production_client(production.server, "any", OTHER))

    @stranger.client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="go"))
    def greet(ctx: inngest.ContextSync) -> None:
        pass

    with stranger.serve([greet]) as synced:
        assert "the signing key is not the one of this server" in synced.text
    assert AppServer(lambda: production.wk.runtime).functions() == []
    assert httpx.get(f"{production.server}/v1/runs/any").status_code == 401


def test_without_a_key_a_server_outside_of_development_lets_nobody_in(tmp_path: Path) -> None:
    with a_server(tmp_path, dev_mode=False) as (_, url):
        answer = httpx.post(f"{url}/fn/register", json={"appName": "shop"})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert httpx.get(f"{url}/dev").status_code == 401


def test_the_key_after_a_change_is_tried_where_the_first_is_refused(tmp_path: Path) -> None:
    with a_server(
        tmp_path, dev_mode=False, signing_key=OTHER, signing_key_fallback=KEY, allow_private_networks=True
    ) as (wk, url):
        _, event_key = Keys(wk.runtime.database).create(wk.settings.scope, "app", {"events:send"})
        app = SdkApp(wk, url, _production_client(url, event_key, KEY))

        @app.client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="go"))
        def greet(ctx: inngest.ContextSync) -> str:
            return "hello"

        with app.serve([greet]) as synced:
            assert synced.status_code == 200, synced.text
            run = app.run_of(app.send("go"), headers={"Authorization": f"Bearer {key_hash(OTHER)}"})
    assert json.dumps(run["output"]) == '"hello"'


class _Forging:
    """Lets replies of an app come with another signature, and whatever headers there are beside it."""

    def __init__(self, app: Any, signature: str) -> None:
        self._app, self._signature = app, signature

    def __call__(self, environ: Any, start_response: Any) -> Any:
        def begin(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            kept = [(name, each) for name, each in headers if name.lower() != SIGNATURE_HEADER.lower()]
            kind = [("X-Inngest-Server-Kind", "dev"), ("X-Inngest-Expected-Server-Kind", "dev")]
            return start_response(status, [*kept, *kind, (SIGNATURE_HEADER, self._signature)], *more)

        is_call = environ["REQUEST_METHOD"] == "POST"
        return self._app(environ, begin if is_call else start_response)


@pytest.mark.parametrize("signature", ["t=1&s=00", "nonsense", sign(OTHER, b"null", NOW)])
def test_a_reply_that_is_wrongly_signed_fails_the_run_whatever_mode_it_claims(
    production: SdkApp, signature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @production.client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="go"), retries=0)
    def greet(ctx: inngest.ContextSync) -> str:
        return "hello"

    web = flask.Flask("app")
    inngest.flask.serve(web, production.client, [greet])
    monkeypatch.setattr(web, "wsgi_app", _Forging(web.wsgi_app, signature))
    with serving(web) as url:
        assert httpx.put(f"{url}/api/inngest", timeout=30).status_code == 200
        run = production.run_of(production.send("go"), headers={"Authorization": f"Bearer {key_hash(KEY)}"})
    assert (run["status"], run["output"]["name"]) == ("Failed", "BadSignature")


@pytest.mark.parametrize("path", ["/fn/register", "/v1/checkpoint", "/v1/realtime/token", "/v2/events"])
def test_a_caller_that_claims_development_needs_a_key_all_the_same(production: SdkApp, path: str) -> None:
    claims = {"X-Inngest-Server-Kind": "dev", "X-Inngest-Expected-Server-Kind": "dev", "X-Forwarded-For": "127.0.0.1"}
    answer = httpx.post(f"{production.server}{path}", json={}, headers=claims)
    assert answer.status_code == 401
    assert answer.headers["X-Inngest-Server-Kind"] == "cloud"
