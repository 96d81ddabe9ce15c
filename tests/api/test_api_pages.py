"""The pages of the web interface, with a build of a few bytes: what is served, for how long, and what it may load."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from webapi import Web, a_web

from workflowkit.api import webbundle

SCRIPT = b"start();"
MANIFEST = {
    "index.html": {"file": "assets/index-1.js", "isEntry": True, "imports": ["_shared.js"]},
    "src/embed/element.ts": {"file": "assets/element-5.js", "isEntry": True},
    "src/embed/frame.ts": {"file": "assets/frame-6.js", "isEntry": True, "imports": ["_shared.js"]},
    "src/embed/connect.ts": {"file": "assets/connect-7.js", "isEntry": True},
    "src/realtime/follow.ts": {"file": "assets/follow-8.js", "isEntry": True},
    "_shared.js": {"file": "assets/shared-3.js"},
    "style.css": {"file": "assets/index-2.css"},
}
HOST = "https://app.example.com"


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that takes the place of web/dist."""
    directory = tmp_path / "dist"
    (directory / ".vite").mkdir(parents=True)
    (directory / ".vite/manifest.json").write_text(json.dumps(MANIFEST))
    (directory / "assets").mkdir()
    (directory / "assets/index-1.js").write_bytes(SCRIPT)
    (directory / "assets/index-1.js.gz").write_bytes(gzip.compress(SCRIPT))
    (directory / "assets/index-2.css").write_text("body {}")
    (directory / "secret.txt").write_text("secret")
    monkeypatch.setattr(webbundle, "web_dir", lambda: directory)
    return directory


def _get(web: Web, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    response = web.app.test_client().get(path, headers=headers)
    return response.status_code, dict(response.headers), response.get_data()


@pytest.mark.parametrize("path", ["/", "/workflows", "/workflows/orders", "/runs", "/runs/01/steps"])
def test_every_address_of_the_interface_gets_the_page(sqlite_url: str, dist: Path, path: str) -> None:
    with a_web(sqlite_url) as web:
        status, headers, body = _get(web, path)
        text = body.decode()
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert 'src="/assets/index-1.js"' in text
        assert 'rel="modulepreload" href="/assets/shared-3.js"' in text
        assert 'rel="stylesheet" href="/assets/index-2.css"' in text
        assert headers["Cache-Control"] == "no-cache"


def test_the_policy_of_the_page_allows_no_inline_script_and_no_eval(sqlite_url: str, dist: Path) -> None:
    with a_web(sqlite_url) as web:
        (_, first, body), (_, second, _) = _get(web, "/"), _get(web, "/")
        policy = dict(part.split(" ", 1) for part in first["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert "unsafe" not in first["Content-Security-Policy"]
        assert first["Content-Security-Policy"] != second["Content-Security-Policy"], "every page has its own nonce"
        nonce = policy["style-src"].split("'nonce-")[1].rstrip("'")
        assert f'nonce="{nonce}"' in body.decode()


def test_assets_are_kept_for_good_and_compressed_for_those_who_can_read_it(sqlite_url: str, dist: Path) -> None:
    with a_web(sqlite_url) as web:
        status, headers, body = _get(web, "/assets/index-1.js")
        assert (status, body) == (200, SCRIPT)
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert "Content-Encoding" not in headers
        _, headers, body = _get(web, "/assets/index-1.js", **{"Accept-Encoding": "br, gzip"})
        assert (headers["Content-Encoding"], gzip.decompress(body)) == ("gzip", SCRIPT)
        assert headers["Vary"] == "Accept-Encoding"
        _, headers, body = _get(web, "/assets/index-2.css", **{"Accept-Encoding": "gzip"})
        assert ("Content-Encoding" in headers, body) == (False, b"body {}")


@pytest.mark.parametrize(
    "name", ["no-such.js", "..%2Fsecret.txt", "%2E%2E/secret.txt", "index-1.js.gz", ".hidden.js", "index-1.js%00.css"]
)
def test_nothing_but_assets_is_served(sqlite_url: str, dist: Path, name: str) -> None:
    with a_web(sqlite_url) as web:
        status, _, body = _get(web, f"/assets/{name}")
        assert status == 404
        assert b"secret" not in body.replace(b"secret.txt", b"")


def test_a_checkout_without_a_build_leads_to_the_documentation(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbundle, "web_dir", lambda: None)
    with a_web(sqlite_url) as web:
        assert _get(web, "/")[1]["Location"] == "/api/docs"
        assert _get(web, "/workflows")[0] == 404
        assert _get(web, "/assets/index-1.js")[0] == 404


def test_below_a_prefix_the_page_says_where_it_is(sqlite_url: str, dist: Path) -> None:
    with a_web(sqlite_url) as web:
        page = (
            web.app.test_client().get("/workflows/x", environ_overrides={"SCRIPT_NAME": "/kit"}).get_data(as_text=True)
        )
        assert '<meta name="workflowkit-root" content="/kit">' in page
        assert 'src="/kit/assets/index-1.js"' in page


def test_hosts_load_modules_that_name_the_build(sqlite_url: str, dist: Path) -> None:
    with a_web(sqlite_url, embed_origins=(HOST,)) as web:
        status, headers, body = _get(web, "/embed/workflow-editor.js", Origin=HOST)
        assert (status, headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
        assert (headers["Cache-Control"], headers["Access-Control-Allow-Origin"]) == ("no-cache", HOST)
        assert b'from "../assets/element-5.js"' in body
        assert b'"../assets/index-2.css"' in body
        assert b'from "../assets/connect-7.js"' in _get(web, "/embed/workflow-frame.js")[2]
        assert b'from "../assets/follow-8.js"' in _get(web, "/embed/realtime.js")[2]
        # The modules' scripts are loaded by the same page.
        assert _get(web, "/assets/index-1.js", Origin=HOST)[1]["Access-Control-Allow-Origin"] == HOST


def test_the_page_of_an_iframe_is_shown_by_hosts_only(sqlite_url: str, dist: Path) -> None:
    with a_web(sqlite_url, embed_origins=(HOST,)) as web:
        status, headers, body = _get(web, "/embed/frame")
        assert status == 200
        assert headers["Content-Security-Policy"].endswith(f"frame-ancestors 'self' {HOST}")
        assert "script-src 'self'; style-src 'self';" in headers["Content-Security-Policy"]
        text = body.decode()
        assert f'<meta name="workflowkit-hosts" content="{HOST}">' in text
        assert 'src="/assets/frame-6.js"' in text
        # All other pages are shown by nobody.
        assert "frame-ancestors 'none'" in _get(web, "/")[1]["Content-Security-Policy"]
    with a_web(sqlite_url) as web:
        assert _get(web, "/embed/frame")[1]["Content-Security-Policy"].endswith("frame-ancestors 'self'")


def test_without_a_build_there_is_nothing_to_embed(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbundle, "web_dir", lambda: None)
    with a_web(sqlite_url) as web:
        for path in ("/embed/workflow-editor.js", "/embed/workflow-frame.js", "/embed/realtime.js", "/embed/frame"):
            assert _get(web, path)[0] == 404
