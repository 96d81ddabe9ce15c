"""Users, their sessions, and the log of who did what."""

from __future__ import annotations

from workflowkit.api.auth import Caller
from workflowkit.api.people import Person
from workflowkit.api.services import Services
from workflowkit.api.views.base import Shown
from workflowkit.base.clock import rfc3339
from workflowkit.runtime.roles import ordered
from workflowkit.store.audit import AuditEntry
from workflowkit.store.members import Member
from workflowkit.store.sessions import SessionRecord


def session_state(who: Caller | None, services: Services) -> Shown:
    """Show who is calling, and how one can log in (``schemas.sessions.SessionState``)."""
    person = None if who is None else who.person
    logged_in = None if person is None else person.logged_in
    roles_by_scope = {} if logged_in is None else logged_in.roles_by_scope
    return {
        "kind": _kind(who),
        "actor": None if who is None else who.actor,
        "name": None if person is None else person.name,
        "display_name": None if person is None else person.display_name,
        "environment": None if who is None else who.scope.environment,
        "tenant": None if who is None else who.scope.tenant,
        "roles": [] if person is None else list(person.roles),
        "permissions": [] if who is None else sorted(who.permissions),
        "tenants": [
            {"environment": scope.environment, "tenant": scope.tenant, "roles": list(ordered(roles))}
            for scope, roles in roles_by_scope.items()
        ],
        "has_password": logged_in is not None and logged_in.user.password_hash is not None,
        "csrf": None if person is None else person.csrf,
        "expires_at": None if logged_in is None else rfc3339(logged_in.session.expires_at_ms),
        "methods": _methods(services),
    }


def _methods(services: Services) -> Shown:
    provider = None if services.has_host or services.oidc is None else services.oidc.label
    return {"password": not services.has_host, "oidc": provider, "login_url": services.login_url}


def _kind(who: Caller | None) -> str:
    if who is None:
        return "nobody"
    person: Person | None = who.person
    if person is not None:
        return person.kind
    return "key" if who.key is not None else "embed" if who.embed is not None else "developer"


def own_session(record: SessionRecord, *, is_present: bool) -> Shown:
    """Show a session to its user (``schemas.sessions.OwnSession``)."""
    return {
        "id": record.id,
        "is_present": is_present,
        "address": record.address,
        "agent": record.agent,
        "created_at": rfc3339(record.created_at_ms),
        "seen_at": rfc3339(record.seen_at_ms),
        "expires_at": rfc3339(record.expires_at_ms),
    }


def user(member: Member) -> Shown:
    """Show a user of a tenant (``schemas.users.User``)."""
    record = member.user
    return {
        "id": record.id,
        "name": record.name,
        "display_name": record.display_name,
        "roles": list(ordered(member.roles)),
        "has_password": record.password_hash is not None,
        "created_at": rfc3339(record.created_at_ms),
        "last_login_at": rfc3339(record.last_login_at_ms),
        "disabled_at": rfc3339(record.disabled_at_ms),
    }


def audit_entry(found: AuditEntry) -> Shown:
    """Show an entry of the audit log (``schemas.audit.AuditEntry``)."""
    entry = found.entry
    return {
        "seq": found.seq,
        "at": rfc3339(found.at_ms),
        "actor": entry.actor,
        "address": entry.address,
        "action": entry.action,
        "subject": entry.subject,
        "detail": None if entry.detail is None else dict(entry.detail),
        "hash": found.hash,
    }
