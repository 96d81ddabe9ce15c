"""Logging in at an OpenID provider: the code flow with PKCE, by Authlib.

What goes to the browser before it leaves (state, nonce, verifier, where to go on) comes back in a signed cookie, so
nothing is stored for those who never return, and an answer counts only in the browser that has asked. The provider is
reached through ``netguard``: its own host may be private, as the operator has named it; whatever else it names may not.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from workflowkit.base import ids, jsonvalue
from workflowkit.base.clock import Clock, monotonic_seconds
from workflowkit.base.errors import AuthError, WorkflowKitError
from workflowkit.base.jsonvalue import Json
from workflowkit.base.netguard import NetworkPolicy, request
from workflowkit.base.scope import Scope
from workflowkit.base.settings import Settings
from workflowkit.base.tokens import Tokens
from workflowkit.runtime.logins import Vouched
from workflowkit.runtime.roles import ordered

#: How long somebody may take at the provider.
ATTEMPT_SECONDS = 600.0
#: How long the provider's own description and its keys are kept; a key that is not among them is asked for at once.
KNOWN_SECONDS = 3_600.0
_PURPOSE = "oidc-login"
_LEEWAY_SECONDS = 60
#: Signatures by the provider's own key only: ``none`` and shared secrets are not among them.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_MAX_ANSWER_BYTES = 256 * 1024


class OidcRefused(AuthError):
    """What came back from the OpenID provider is not what was asked for, or cannot be trusted."""

    code = "oidc-refused"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Where the browser goes, and what it brings back in a cookie."""

    url: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Returned:
    """Whom the provider vouches for, and the path where they go on."""

    who: Vouched
    return_to: str


@dataclass(frozen=True, slots=True)
class Oidc:
    """The OpenID provider of an installation. ``tokens`` returns what signs cookies, ``None`` without a secret key."""

    settings: Settings
    tokens: Callable[[], Tokens | None]
    clock: Clock
    stopwatch: Callable[[], float] = monotonic_seconds
    _known: dict[str, tuple[dict[str, Any], float]] = field(default_factory=dict, repr=False)

    @property
    def issuer(self) -> str:
        """The provider's address, which is also its name."""
        return self.settings.oidc_issuer or ""

    @property
    def label(self) -> str:
        """What people know the provider as."""
        return self.settings.oidc_label or urlsplit(self.issuer).hostname or self.issuer

    def begin(self, redirect_uri: str, return_to: str) -> Attempt:
        """Begin a login that ends at ``redirect_uri`` and goes on at the path ``return_to``.

        Raises ``OidcRefused`` where the provider does not answer as one, or there is no key to sign the cookie with.
        """
        state, nonce, verifier = (ids.random_token() for _ in range(3))
        client = self._client(redirect_uri)
        endpoint = _text(self._provider(), "authorization_endpoint")
        url, _ = client.create_authorization_url(endpoint, state=state, code_verifier=verifier, nonce=nonce)
        claims: dict[str, Json] = {
            "state": state, "nonce": nonce, "verifier": verifier, "redirect_uri": redirect_uri, "return_to": return_to,
        }  # fmt: skip
        return Attempt(url, self._signer().mint(_PURPOSE, claims, ttl_seconds=ATTEMPT_SECONDS))

    def finish(self, answer: Mapping[str, str], cookie: str) -> Returned:
        """Return whom the provider vouches for in its ``answer``, the query with which the browser came back.

        Raises ``OidcRefused``, and what ``netguard`` raises.
        """
        attempt = self._signer().read(_PURPOSE, cookie)
        if attempt is None:
            raise OidcRefused("the login took too long, or was not begun in this browser")
        if not hmac.compare_digest(str(attempt["state"]).encode(), answer.get("state", "").encode()):
            raise OidcRefused("the answer belongs to another login")
        if answer.get("iss", self.issuer) != self.issuer:
            raise OidcRefused("the answer is another provider's")
        if "code" not in answer:
            raise OidcRefused(f"the provider refuses: {answer.get('error', 'it gives no code')[:100]}")
        tokens = self._exchange(answer["code"], attempt)
        claims = self._verified(_text(tokens, "id_token"), str(attempt["nonce"]), tokens.get("access_token"))
        return Returned(self._vouched(claims), str(attempt["return_to"]))

    def _exchange(self, code: str, attempt: Mapping[str, Json]) -> dict[str, Any]:
        from authlib.oauth2 import OAuth2Error

        client = self._client(str(attempt["redirect_uri"]))
        endpoint = _text(self._provider(), "token_endpoint")
        try:
            found: dict[str, Any] = client.fetch_token(
                endpoint, grant_type="authorization_code", code=code, code_verifier=str(attempt["verifier"]),
                redirect_uri=str(attempt["redirect_uri"]),
            )  # fmt: skip
        except (OAuth2Error, ValueError) as error:
            raise OidcRefused("the provider does not take the code that it has given") from error
        return found

    def _verified(self, id_token: str, nonce: str, access_token: object) -> dict[str, Any]:
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        def read(keys: dict[str, Any]) -> jwt.Token:
            return jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=_ALGORITHMS)  # type: ignore[arg-type]

        jwks_uri = _text(self._provider(), "jwks_uri")
        wanted = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self.settings.oidc_client_id},
        }
        params = {"nonce": nonce, "client_id": self.settings.oidc_client_id, "access_token": access_token}
        try:
            try:
                token = read(self._fetch(jwks_uri))
            except (JoseError, ValueError):
                token = read(self._fetch(jwks_uri, anew=True))  # signed by a key that is newer than those we know
            claims = CodeIDToken(token.claims, token.header, wanted, params)
            claims.validate(now=self.clock.now_ms() // 1000, leeway=_LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError) as error:
            raise OidcRefused("the provider's token cannot be trusted") from error
        return dict(claims)

    def _vouched(self, claims: Mapping[str, Any]) -> Vouched:
        settings = self.settings
        name = claims.get(settings.oidc_name_claim)
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise OidcRefused(f"the provider does not tell the claim {settings.oidc_name_claim}")
        if settings.oidc_name_claim == "email" and claims.get("email_verified") is False:
            raise OidcRefused("the provider has not verified the e-mail address")
        groups = claims.get(settings.oidc_roles_claim, [])
        held = {groups} if isinstance(groups, str) else {each for each in groups if isinstance(each, str)}
        roles = ordered(role for role, group in settings.oidc_roles if group == "*" or group in held)
        shown = claims.get("name")
        return Vouched(
            self.issuer, str(claims["sub"]), name.strip(), shown if isinstance(shown, str) and shown else name.strip(),
            Scope(settings.environment, settings.scope.tenant), roles,
        )  # fmt: skip

    def _provider(self) -> dict[str, Any]:
        found = self._fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.issuer:
            raise OidcRefused("the provider calls itself otherwise than WORKFLOWKIT_OIDC_ISSUER")
        return found

    def _fetch(self, url: str, *, anew: bool = False) -> dict[str, Any]:
        known = self._known.get(url)
        if known is not None and not anew and self.stopwatch() < known[1]:
            return known[0]
        found = self._ask("GET", url)
        self._known[url] = (found, self.stopwatch() + KNOWN_SECONDS)
        return found

    def _ask(
        self, method: str, url: str, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        parts = urlsplit(self.issuer)
        policy = NetworkPolicy(
            allow_private=self.settings.allow_private_networks,
            allowed_hosts=frozenset({parts.netloc, parts.hostname or ""}),
            max_response_bytes=_MAX_ANSWER_BYTES,
            timeout_seconds=10.0,
        )
        response = request(
            method, url, policy=policy, headers=headers, body=None if body is None else body.encode(),
            follow_redirects=False,
        )  # fmt: skip
        try:
            found = jsonvalue.loads_strict(response.body, max_bytes=_MAX_ANSWER_BYTES)
        except WorkflowKitError as error:
            raise OidcRefused(f"the provider answers with status {response.status} and no JSON") from error
        if not isinstance(found, dict) or (body is None and response.status != 200):
            raise OidcRefused(f"the provider answers with status {response.status}")
        return found

    def _client(self, redirect_uri: str) -> Any:
        from authlib.oauth2.client import OAuth2Client

        settings, methods = self.settings, self._provider().get("token_endpoint_auth_methods_supported")
        is_by_post = isinstance(methods, list) and "client_secret_basic" not in methods
        secret = settings.oidc_client_secret
        method = "none" if secret is None else "client_secret_post" if is_by_post else "client_secret_basic"
        return OAuth2Client(
            _Session(self._ask), client_id=settings.oidc_client_id, client_secret=secret, redirect_uri=redirect_uri,
            token_endpoint_auth_method=method, scope=" ".join(settings.oidc_scopes), code_challenge_method="S256",
        )  # fmt: skip

    def _signer(self) -> Tokens:
        tokens = self.tokens()
        if tokens is None:
            raise OidcRefused("to log in at a provider, set WORKFLOWKIT_SECRET_KEY")
        return tokens


@dataclass(frozen=True, slots=True)
class _Session:
    """What Authlib's client sends requests with: a way through ``netguard``."""

    ask: Callable[[str, str, str | None, Mapping[str, str] | None], dict[str, Any]]

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> _Answer:
        url, sent, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return _Answer(self.ask("POST", url, body, sent))


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer as Authlib's client reads it: its JSON tells of errors."""

    value: Any
    status_code: int = 200

    def json(self) -> Any:
        return self.value

    def raise_for_status(self) -> None:
        """Do nothing: answers that are no JSON never come here."""


def _text(values: Mapping[str, Any], name: str) -> str:
    found = values.get(name)
    if not isinstance(found, str):
        raise OidcRefused(f"the provider does not tell its {name}")
    return found
