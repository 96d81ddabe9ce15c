"""An OpenID provider for tests: a real one, of Authlib's server parts, that listens on this machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

CLIENT_ID, CLIENT_SECRET = "flows", "a secret of the client"


class _Client(ClientMixin):
    client_id = CLIENT_ID

    def __init__(self, redirect_uri: str) -> None:
        self._redirect_uri = redirect_uri

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return self._redirect_uri

    def get_allowed_scope(self, scope: Collection[str] | str) -> str:
        return scope if isinstance(scope, str) else " ".join(scope)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self._redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class _Code(AuthorizationCodeMixin):
    code: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.monotonic())

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


@dataclass
class Provider:
    """The provider, and what a test changes of it. ``claims`` are what it tells of the one who is logged in there;
    ``forged`` replaces claims of tokens that it must not replace."""

    url: str
    redirect_uri: str
    now_seconds: int
    claims: dict[str, Any] = field(default_factory=lambda: {
        "sub": "1017", "email": "ann@example.org", "email_verified": True, "name": "Ann", "groups": ["flow-admins"],
    })  # fmt: skip
    forged: dict[str, Any] = field(default_factory=dict)
    signing_key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    shown_key: RSAKey | None = None
    codes: dict[str, _Code] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    def application(self) -> Flask:
        """Return what serves it."""
        app = Flask("provider")
        app.config["OAUTH2_SCOPES_SUPPORTED"] = ["openid", "email", "profile"]
        server: Any = AuthorizationServer(
            app, query_client=lambda client_id: _Client(self.redirect_uri), save_token=lambda token, request: None
        )
        server.register_grant(_grant(self), [CodeChallenge(required=True), _id_tokens(self)])

        @app.get("/authorize")
        def authorize() -> ResponseReturnValue:
            # Whoever comes is logged in here already, and agrees.
            answer: ResponseReturnValue = server.create_authorization_response(
                grant_user=self, grant=server.get_consent_grant(end_user=self)
            )
            return answer

        @app.post("/token")
        def token() -> ResponseReturnValue:
            answer: ResponseReturnValue = server.create_token_response()
            return answer

        @app.get("/jwks")
        def jwks() -> ResponseReturnValue:
            return jsonify(KeySet([self.shown_key or self.signing_key]).as_dict(private=False))

        @app.get("/.well-known/openid-configuration")
        def configuration() -> ResponseReturnValue:
            endpoints = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
            own = {name: request.host_url + path for name, path in endpoints.items()}
            return jsonify({"issuer": self.url, **own, **self.metadata})

        return app


def _grant(provider: Provider) -> type[Any]:
    class Grant(grants.AuthorizationCodeGrant):
        def save_authorization_code(self, code: str, request: Any) -> _Code:
            data = request.payload.data
            provider.codes[code] = _Code(
                code, data["redirect_uri"], data["scope"], data.get("nonce"), data["code_challenge"],
                data["code_challenge_method"],
            )  # fmt: skip
            return provider.codes[code]

        def query_authorization_code(self, code: str, client: Any) -> _Code | None:
            return provider.codes.get(code)

        def delete_authorization_code(self, authorization_code: _Code) -> None:
            del provider.codes[authorization_code.code]

        def authenticate_user(self, authorization_code: _Code) -> Provider:
            return provider

    return Grant


def _id_tokens(provider: Provider) -> Any:
    class IdTokens(OpenIDCode):
        def exists_nonce(self, nonce: str, request: Any) -> bool:
            return any(code.nonce == nonce for code in provider.codes.values())

        def resolve_client_private_key(self, client: Any) -> RSAKey:
            return provider.signing_key

        def get_client_algorithm(self, client: Any) -> str:
            return "RS256"

        def get_client_claims(self, client: Any) -> dict[str, Any]:
            return {"iss": provider.url, "aud": CLIENT_ID}

        def get_encode_header(self, client: Any) -> dict[str, Any]:
            return {"alg": "RS256", "kid": provider.signing_key.kid}

        def get_compatible_claims(self, request: Any) -> dict[str, Any]:
            now = provider.now_seconds
            return {"iss": provider.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300}

        def generate_user_info(self, user: Provider, scope: str) -> UserInfo:
            return UserInfo({**user.claims, **user.forged})

    return IdTokens()


@contextmanager
def a_provider(redirect_uri: str, *, now_seconds: int) -> Iterator[Provider]:
    """Serve a provider that knows one client, which is answered at ``redirect_uri``."""
    provider = Provider("", redirect_uri, now_seconds)
    server = make_server("127.0.0.1", 0, provider.application())
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
