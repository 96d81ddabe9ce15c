"""Embed tokens: what a host application gives its user's browser, so that the editor inside its page may do just that.

A token is ``wke_`` and signed claims (``base.tokens``); nothing is stored but that it was issued. It cannot be called
back, so it is meant to live for minutes and to be replaced by the host, which asks its own session each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from workflowkit.base.clock import Clock
from workflowkit.base.errors import InvalidInput, Problem
from workflowkit.base.jsonvalue import Json, child_pointer
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.base.scope import FUNCTION_SEPARATOR, Scope, check_tenant
from workflowkit.base.secrets import Keyring
from workflowkit.base.tokens import Tokens
from workflowkit.runtime.auditing import Act, By, note
from workflowkit.store.database import Database

PREFIX = "wke_"
#: How long a token is good unless something else is said.
DEFAULT_TTL_SECONDS = 900.0
#: What each right allows, in the permissions of keys. Every token may view.
RIGHTS: dict[str, frozenset[str]] = {
    "view": frozenset({"workflows:read", "runs:read", "actions:read"}),
    "edit": frozenset({"workflows:write", "secrets:read"}),
    "publish": frozenset({"workflows:publish"}),
    "run": frozenset({"runs:write"}),
    # In the name of the token's user: whoever issues it has to be trusted to know who that is.
    "decide": frozenset({"approvals:read", "approvals:decide", "approvals:impersonate"}),
}
_PURPOSE = "embed"
_USER_MAX_CHARS = 200
_WORKFLOW_ID_MAX_CHARS = 64


@dataclass(frozen=True, slots=True)
class Embed:
    """Who edits inside a host's page, and what: one workflow of ``scope``, or all if ``workflow_id`` is ``None``.

    ``user`` is the name that the host gives its user. It is kept with what they do, and allows nothing by itself; with
    the right ``decide`` it says as whom they are asked for approvals.
    """

    scope: Scope
    workflow_id: str | None
    rights: tuple[str, ...]
    user: str = ""

    @property
    def permissions(self) -> frozenset[str]:
        """The permissions that the rights come to; viewing is always one."""
        return frozenset[str]().union(*(RIGHTS[right] for right in _ordered(self.rights)))


@dataclass(frozen=True, slots=True)
class EmbedToken:
    """A token, and when it ends."""

    token: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class EmbedTokens:
    """Mints and reads the tokens of an installation.

    ``keyring`` returns what signs them, ``None`` where the installation has no key.
    """

    keyring: Callable[[], Keyring | None]
    clock: Clock
    database: Database
    limits: Limits = DEFAULT_LIMITS

    def issue(self, embed: Embed, *, ttl_seconds: float = DEFAULT_TTL_SECONDS, by: By) -> EmbedToken:
        """Return what ``mint`` does, and enter in the audit log who has given it to whom. Raises ``InvalidInput``."""
        made = self.mint(embed, ttl_seconds=ttl_seconds)
        detail: dict[str, Json] = {"rights": list(_ordered(embed.rights)), "ttl_seconds": ttl_seconds}
        if embed.workflow_id is not None:
            detail["workflow_id"] = embed.workflow_id
        with self.database.transaction("embed") as tx:
            note(tx, embed.scope, by, Act.EMBED_TOKEN_ISSUED, f"embed:{embed.user}", detail)
        return made

    def mint(self, embed: Embed, *, ttl_seconds: float = DEFAULT_TTL_SECONDS) -> EmbedToken:
        """Return a token that is good for ``ttl_seconds``.

        Raises ``InvalidInput`` for what no token may say, and where there is no key to sign it with.
        """
        check_tenant(embed.scope)
        keyring = self.keyring()
        problems = list(self._problems(embed, ttl_seconds))
        if keyring is None:
            problems.append(Problem("", "no-secret-key", "to sign tokens, set WORKFLOWKIT_SECRET_KEY"))
        if keyring is None or problems:
            raise InvalidInput(problems)
        claims: dict[str, Json] = {
            "environment": embed.scope.environment,
            "tenant": embed.scope.tenant,
            "workflow_id": embed.workflow_id,
            "rights": list(_ordered(embed.rights)),
            "user": embed.user,
        }
        token = Tokens(keyring, self.clock).mint(_PURPOSE, claims, ttl_seconds=ttl_seconds)
        return EmbedToken(PREFIX + token, self.clock.now_ms() + int(ttl_seconds * 1000))

    def read(self, token: str) -> Embed | None:
        """Return what a token says that is genuine and still good; else ``None``."""
        keyring = self.keyring()
        if keyring is None or not token.startswith(PREFIX):
            return None
        claims = Tokens(keyring, self.clock).read(_PURPOSE, token.removeprefix(PREFIX))
        return None if claims is None else _read(claims)

    def _problems(self, embed: Embed, ttl_seconds: float) -> Iterable[Problem]:
        for number, right in enumerate(embed.rights):
            if right not in RIGHTS:
                message = f"rights are {', '.join(RIGHTS)}, not {right!r}"
                yield Problem(child_pointer("/rights", number), "invalid-value", message)
        if not 0 < ttl_seconds <= self.limits.embed_token_seconds:
            message = f"limit embed_token_seconds exceeded: more than 0 and at most {self.limits.embed_token_seconds}"
            yield Problem("/ttl_seconds", "limit-exceeded", message)
        if len(embed.user) > _USER_MAX_CHARS:
            yield Problem("/user", "invalid-value", f"at most {_USER_MAX_CHARS} characters")
        if "decide" in embed.rights and not embed.user:
            yield Problem("/user", "required", "who decides needs a name")
        if (workflow_id := embed.workflow_id) is not None and not _may_be_edited(workflow_id):
            yield Problem("/workflow_id", "invalid-value", "no workflow that could be edited has such an id")


def _may_be_edited(workflow_id: str) -> bool:
    return 0 < len(workflow_id) <= _WORKFLOW_ID_MAX_CHARS and FUNCTION_SEPARATOR not in workflow_id


def _ordered(rights: Iterable[str]) -> tuple[str, ...]:
    wanted = {"view", *rights}
    return tuple(right for right in RIGHTS if right in wanted)


def _read(claims: dict[str, Json]) -> Embed | None:
    match claims:
        case {
            "environment": str(environment), "tenant": str(tenant), "workflow_id": (str() | None) as workflow_id,
            "rights": list(rights), "user": str(user),
        }:  # fmt: skip
            # A right that this version does not know allows nothing.
            known = _ordered(right for right in rights if isinstance(right, str))
            return Embed(Scope(environment, tenant), workflow_id, known, user)
        case _:
            return None
