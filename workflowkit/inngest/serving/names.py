"""What functions are called here, and what a server calls them."""

from __future__ import annotations

from dataclasses import dataclass

from workflowkit.base.scope import FUNCTION_SEPARATOR


@dataclass(frozen=True, slots=True)
class Names:
    """``own`` is the id of the application here, ``wire`` what it is called to the server."""

    own: str
    wire: str

    def slug(self, own_id: str) -> str:
        """Return what a server calls a function ``<app>/<function>``, or a document of this application by its id."""
        return "-".join(self.parts(own_id))

    def parts(self, own_id: str) -> tuple[str, str]:
        """Return what a server calls the app of a function or document, and what that one is called in it."""
        app, separator, function = own_id.partition(FUNCTION_SEPARATOR)
        if not separator:
            return self.wire, own_id
        return self.wire if app == self.own else app, function

    def own_id(self, slug: str) -> str:
        """Return the id of what a server calls ``slug``; that itself, if it is of another app."""
        prefix = f"{self.wire}-"
        return f"{self.own}{FUNCTION_SEPARATOR}{slug.removeprefix(prefix)}" if slug.startswith(prefix) else slug
