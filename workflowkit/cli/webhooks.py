"""``workflowkit webhooks``: URLs to which other services deliver events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from workflowkit.base.clock import rfc3339
from workflowkit.cli import documents
from workflowkit.cli.loading import load_settings
from workflowkit.cli.output import INVALID, Invalid, dim, emit_json, plain, pretty, status, table
from workflowkit.cli.target import opened, scope_of, scope_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workflowkit.app import WorkflowKit
    from workflowkit.store.webhooks import WebhookRecord
    from workflowkit.webhooks.settings import WebhookSettings

_LIMIT = 1_000
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")


@click.group("webhooks", short_help="Make, list and try out webhooks.")
def command() -> None:
    """Make, list and try out webhooks, directly in the database.

    That is WORKFLOWKIT_DATABASE_URL, or that of the dev server in this directory.
    """


@command.command("create")
@click.argument("name")
@click.option("--template", metavar="PROVIDER", help="Take verification and transform of stripe, github, clerk, …")
@click.option(
    "--verify", metavar="PRESET", help='A preset, or JSON such as {"preset": "hmac", "header": "x-signature"}.'
)
@click.option("--secret", "secrets", multiple=True, metavar="TEXT", help="May be repeated; - reads standard input.")
@click.option("--transform", metavar="FILE", help="A JSON file that says what event a delivery becomes.")
@click.option("--event", "event_names", multiple=True, metavar="NAME", help="Limit it to events like stripe/*.")
@click.option("--cidr", "cidrs", multiple=True, metavar="NETWORK", help="Take deliveries from this network only.")
@scope_options
@_AS_JSON
@click.pass_context
def create(
    ctx: click.Context,
    name: str,
    template: str | None,
    verify: str | None,
    secrets: tuple[str, ...],
    transform: str | None,
    event_names: tuple[str, ...],
    cidrs: tuple[str, ...],
    environment: str,
    tenant: str,
    as_json: bool,
) -> None:
    """Make a webhook and print its URL. It is shown this once: only a hash is stored.

    What stands on a command line can be seen by others on the machine: give secrets on standard input.

    \b
    workflowkit webhooks create stripe --template stripe --secret - < secret.txt
    workflowkit webhooks create form --verify none --event 'form/*'
    """
    try:
        settings = _settings(template, verify, transform, event_names=event_names, cidrs=cidrs)
    except documents.InvalidDocument as error:
        documents.echo_problems(error.source, error.problems)
        ctx.exit(INVALID)
    given = [_secret(text) for text in secrets]
    with opened() as wk:
        record, token = wk.runtime.webhooks.create(scope_of(environment, tenant), name, settings, secrets=given)
        _echo_url(wk, record, token, as_json=as_json)


@command.command("list")
@scope_options
@_AS_JSON
def list_webhooks(environment: str, tenant: str, as_json: bool) -> None:
    """List webhooks by name; never their URLs and secrets.

    \b
    workflowkit webhooks list
    """
    with opened() as wk:
        found = wk.runtime.webhooks.find(scope_of(environment, tenant), limit=_LIMIT)
    if as_json:
        from workflowkit.api import views

        emit_json({"items": [views.webhook(record) for record in found]})
    elif found:
        click.echo(table(map(_row, found), headers=("webhook", "verified by", "state", "last delivery", "events")))
    else:
        click.echo("no webhooks")


@command.command("rotate")
@click.argument("name")
@scope_options
@_AS_JSON
def rotate(name: str, environment: str, tenant: str, as_json: bool) -> None:
    """Give a webhook a new URL and print it. The old one ends at once.

    \b
    workflowkit webhooks rotate stripe
    """
    with opened() as wk:
        record, token = wk.runtime.webhooks.rotate(scope_of(environment, tenant), name)
        _echo_url(wk, record, token, as_json=as_json)


@command.command("delete")
@click.argument("name")
@scope_options
def delete(name: str, environment: str, tenant: str) -> None:
    """Delete a webhook. Events that came through it stay.

    \b
    workflowkit webhooks delete stripe
    """
    with opened() as wk:
        wk.runtime.webhooks.delete(scope_of(environment, tenant), name)
    click.echo(f"{status('cancelled', text='deleted')} {plain(name)}")


@command.command("test")
@click.argument("name")
@click.option("--body", metavar="FILE", required=True, help="A JSON file with the body of a delivery; - for input.")
@click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="A header of it. May be repeated.")
@click.option("--transform", metavar="FILE", help="Try this transform instead of the stored one.")
@scope_options
@_AS_JSON
@click.pass_context
def test(
    ctx: click.Context,
    name: str,
    body: str,
    headers: tuple[str, ...],
    transform: str | None,
    environment: str,
    tenant: str,
    as_json: bool,
) -> None:
    """Show what event a webhook would make of a delivery. Nothing is stored and no signature is checked.

    \b
    workflowkit webhooks test github --body push.json --header 'x-github-event: push'
    """
    from workflowkit.webhooks import Delivery

    given = {"content-type": "application/json"} | dict(map(_header, headers))
    source = documents.read(body)
    other = None if transform is None else _read_json(transform)
    with opened() as wk:
        webhooks = wk.runtime.webhooks
        record = webhooks.get(scope_of(environment, tenant), name)
        tried = webhooks.preview(record, Delivery(headers=given, raw=source.text), transform=other)
    if as_json:
        problems = [problem.as_dict() for problem in tried.problems]
        emit_json({"event": tried.event, "reason": tried.reason or None, "problems": problems})
    else:
        _echo_preview(tried.event, tried.reason)
        documents.echo_problems(documents.Source(name, b""), tried.problems)
    ctx.exit(INVALID if tried.problems else 0)


def _settings(
    template: str | None,
    verify: str | None,
    transform: str | None,
    *,
    event_names: tuple[str, ...],
    cidrs: tuple[str, ...],
) -> WebhookSettings:
    """Return what the options say. Raises ``Invalid`` and ``InvalidDocument``."""
    from workflowkit.webhooks.settings import WebhookSettings
    from workflowkit.webhooks.templates import TEMPLATES

    known = {each.id: each for each in TEMPLATES}
    if template is not None and template not in known:
        raise Invalid(f"there is no template {template!r}; choose one of {', '.join(known)}")
    if template is None and verify is None:
        raise Invalid("say how deliveries are verified: --template PROVIDER, or --verify PRESET (none, if not at all)")
    base = None if template is None else known[template]
    chosen = base.verification if base is not None and verify is None else _verification(verify or "")
    return WebhookSettings(
        verification=chosen,
        transform=_read_json(transform) if transform is not None else None if base is None else base.transform,
        event_names=event_names or None,
        cidrs=cidrs or None,
    )


def _secret(text: str) -> str:
    return documents.read(text).text.decode(errors="replace").strip() if text == documents.STDIN else text


def _verification(text: str) -> Mapping[str, Any]:
    if not text.startswith("{"):
        return {"preset": text}
    value: dict[str, Any] = documents.checked(documents.Source("--verify", text.encode()), _loads)
    return value


def _read_json(path: str) -> Any:
    return documents.checked(documents.read(path), _loads)


def _loads(text: bytes) -> Any:
    from workflowkit.base.jsonvalue import loads_strict

    limits = load_settings().limits
    return loads_strict(text, max_bytes=limits.webhook_bytes, max_depth=limits.json_depth)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise Invalid(f"write a header as NAME:VALUE, not {plain(text)!r}")
    return name.strip().lower(), value.strip()


def _echo_url(wk: WorkflowKit, record: WebhookRecord, token: str, *, as_json: bool) -> None:
    url = f"{wk.settings.public_url or ''}/w/{token}"
    if as_json:
        emit_json({"name": record.name, "url": url})
        return
    if wk.settings.public_url is None:
        click.echo(dim("a path: what stands before it is the API's address (WORKFLOWKIT_PUBLIC_URL)"), err=True)
    click.echo(url)


def _echo_preview(event: Mapping[str, Any] | None, reason: str) -> None:
    if event is not None:
        click.echo(pretty(event, indent=""))
    if reason:
        click.echo(f"{status('skipped', text='ignored')} {reason}")


def _row(record: WebhookRecord) -> tuple[str, ...]:
    is_new = record.last_received_at_ms is None
    return (
        record.name,
        str(record.verification.get("preset")),
        status("completed", text="on") if record.enabled else status("cancelled", text="off"),
        dim("never" if is_new else rfc3339(record.last_received_at_ms or 0)),
        dim(" ".join(map(plain, record.event_names or ())) or "all"),
    )
