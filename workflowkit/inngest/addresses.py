"""Where the functions of apps are: read anew for each attempt, as an app may have moved since its run began."""

from __future__ import annotations

from dataclasses import dataclass

from workflowkit.base.errors import NonRetriableError
from workflowkit.base.scope import APP_TENANT, Scope
from workflowkit.inngest.naming import function_id, possible_ids
from workflowkit.store import apps
from workflowkit.store.database import Database
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Address:
    """A function of an app: the app's name, the SDK's name of the function, and the URL that it is called at.

    An *endpoint* is called as its callers do, with the request that began the run.
    """

    app: str
    slug: str
    url: str
    is_endpoint: bool = False


class Addresses:
    """The addresses of functions that apps have registered. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, environment: str, own_id: str) -> Address:
        """Return where a function is. Raises ``NonRetriableError`` if no app has registered it."""
        with self._database.read() as tx:
            found = self.find(tx, environment, own_id)
        if found is None:
            raise NonRetriableError(f"no app has registered the function {own_id!r}")
        return found

    def find(self, tx: Transaction, environment: str, own_id: str) -> Address | None:
        """Return where a function is; ``None`` if no app has registered it."""
        found = apps.find_functions(tx, Scope(environment, APP_TENANT), limit=1, function_id=own_id)
        metadata = found[0].document["metadata"] if found else {}
        if "url" not in metadata:
            return None
        return Address(metadata["app"], metadata["slug"], metadata["url"], bool(metadata.get("endpoint")))

    def id_of(self, environment: str, slug: str, app: str) -> str:
        """Return the id of the function that an app calls ``slug``: its own, else one of another app."""
        candidates = possible_ids(slug)
        own = function_id(app, slug)
        if slug.startswith(f"{app}-") and own not in candidates:
            candidates.insert(0, own)
        scope = Scope(environment, APP_TENANT)
        with self._database.read() as tx:
            for candidate in candidates:
                if apps.find_functions(tx, scope, limit=1, function_id=candidate):
                    return candidate
        return own if slug.startswith(f"{app}-") else slug
