"""``workflowkit apps``: let apps of Inngest's SDKs register their functions."""

from __future__ import annotations

from dataclasses import replace

import click

from workflowkit.base.clock import SystemClock
from workflowkit.base.jsonvalue import loads
from workflowkit.cli.loading import load_settings
from workflowkit.cli.output import Failure, dim, emit_json, plain, status

_EXCERPT_CHARS = 300


@click.group("apps", short_help="Let apps of Inngest's SDKs register.")
def command() -> None:
    """Let apps of Inngest's SDKs register their functions (docs/inngest.md)."""


@command.command("sync")
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def sync(url: str, as_json: bool) -> None:
    """Ask the app at URL to register its functions, with the server that it knows.

    The request is signed if there is a signing key.

    \b
    workflowkit apps sync http://127.0.0.1:5000/api/inngest
    """
    from workflowkit.inngest.client import AppClient
    from workflowkit.inngest.replies import SDK_HEADER

    settings = load_settings()
    # Whoever may type commands here may reach the private network anyway, and the request says nothing secret.
    lenient = replace(settings, allow_private_networks=True, dev_apps=settings.signing_key is None)
    reply = AppClient.of(lenient, SystemClock().now_ms).send("PUT", url, {"url": url}, {})
    text = reply.body.decode(errors="replace")
    if SDK_HEADER not in reply.headers:
        raise Failure(
            f"what answers at {plain(url)} is no app of an SDK: {reply.status} {plain(text[:_EXCERPT_CHARS])}"
        )
    try:
        answer = loads(text)
    except ValueError:
        answer = None
    if reply.status != 200 or not isinstance(answer, dict) or "modified" not in answer:
        raise Failure(f"the app has not registered: {reply.status} {plain(text[:_EXCERPT_CHARS])}")
    if as_json:
        emit_json({"url": url, "modified": bool(answer["modified"])})
    else:
        done = "synced" if answer["modified"] else "unchanged"
        click.echo(f"{status('completed', text=done)} {dim('the app at')} {plain(url)}")
