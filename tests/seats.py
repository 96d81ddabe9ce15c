"""Browser contexts that are used by one test after the other, each time as if nobody had been there."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Error, Frame, Page

#: What a page may keep in the browser.
KEPT = "cookies,local_storage,session_storage,indexeddb,cache_storage,service_workers"


class Seat:
    """The browser of one user at a time.

    A page in a process of its own costs a second of the processor before it shows anything. So each test gets a new
    page, but in the process of one that stays: it has the scripts of the last page, compiled.
    """

    def __init__(self, browser: Browser, options: dict[str, Any]) -> None:
        self.context: BrowserContext = browser.new_context(reduced_motion="reduce", accept_downloads=True, **options)
        self._opener = self.context.new_page()
        self._session = self.context.new_cdp_session(self._opener)
        self._origins: set[str] = set()
        self._last_url = ""

    def new_page(self) -> Page:
        """Open a page with which nothing was done yet."""
        with self._opener.expect_popup() as opened:
            self._opener.evaluate("() => { open('about:blank'); }")
        opened.value.on("framenavigated", self._note)
        return opened.value

    def clear(self) -> None:
        """Close all pages, and forget what they have kept. Raises ``Error`` if the browser no longer does it."""
        for page in self.context.pages:
            if page is not self._opener:
                page.close()
        self.context.set_offline(False)
        self.context.clear_cookies()
        for origin in self._origins:
            self._session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": KEPT})
        self._origins.clear()
        # Pages of another site would begin a process of their own.
        if _site(self._last_url) != _site(self._opener.url):
            self._opener.goto(f"{_origin(self._last_url)}/api/health/ready")

    def _note(self, frame: Frame) -> None:
        if not frame.url.startswith("http"):
            return
        self._origins.add(_origin(frame.url))
        if frame.parent_frame is None:
            self._last_url = frame.url


class Seats:
    """All seats of a browser; those that nobody uses are given to the next who asks for the same."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[str, list[Seat]] = {}

    def take(self, options: dict[str, Any]) -> Seat:
        """Return a seat for a test; the options are those of a context of the browser."""
        free = self._free.get(_key(options))
        return free.pop() if free else Seat(self._browser, options)

    def give_back(self, seat: Seat, options: dict[str, Any]) -> None:
        """Let others have a seat; one that cannot be cleared is closed."""
        try:
            seat.clear()
        except Error:
            seat.context.close()
        else:
            self._free.setdefault(_key(options), []).append(seat)


def _key(options: dict[str, Any]) -> str:
    return json.dumps(options, sort_keys=True)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _site(url: str) -> str | None:
    return urlsplit(url).hostname
