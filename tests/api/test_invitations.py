"""The page behind the link of an approval, and what it does with a decision."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import pytest
from asking import ADA, BOB, FORM, SECRET_KEY, ask, output, token_of
from runtimes import at_once
from webapi import Web, a_web, problems_of
from werkzeug.test import TestResponse

from workflowkit.base.scope import DEFAULT_SCOPE

HTML = {"Accept": "text/html,application/xhtml+xml"}


class Page(HTMLParser):
    """What a browser sees of a page: elements with their attributes, and texts."""

    def __init__(self, response: TestResponse) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        assert response.mimetype == "text/html"
        self.source = response.get_data(as_text=True)
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [
            attributes
            for name, attributes in self.elements
            if name == tag and all(attributes.get(key) == value for key, value in wanted.items())
        ]


def _opened(web: Web, **inputs: Any) -> tuple[str, str]:
    """Ask Ada and Bob; return the approval's id and the path of Ada's link."""
    approval_id = ask(web.harness, **({"assignees": [ADA, BOB]} | inputs))
    return approval_id, f"/a/{token_of(web.harness, ADA)}"


def _get(web: Web, path: str, **headers: str) -> TestResponse:
    return web.app.test_client().get(path, headers=HTML | headers)


def _send(web: Web, path: str, **fields: str) -> TestResponse:
    return web.app.test_client().post(path, data=fields, headers=HTML)


def _a_web(url: str, **settings: Any) -> Any:
    return a_web(url, secret_key=SECRET_KEY, **settings)


def test_the_page_shows_what_is_asked_with_a_control_for_each_field(sqlite_url: str) -> None:
    with _a_web(sqlite_url) as web:
        _, path = _opened(web, form=FORM, description="It\nbroke.")
        page = Page(_get(web, path))
        assert "Refund?" in page.text
        assert "It\nbroke." in page.text
        assert ADA in page.text
        assert page.all("form") == [{"method": "post"}]
        (amount,) = page.all("input", name="data.amount")
        assert (amount["type"], amount["min"], amount["step"], "required" in amount) == ("number", "1", "1", True)
        assert page.all("textarea", name="data.reason")
        (urgent,) = page.all("input", name="data.urgent")
        assert urgent["type"] == "checkbox"
        assert page.all("select", name="data.kind")
        assert [option["value"] for option in page.all("option")] == ["", '"refund"', '"voucher"']
        assert [button["value"] for button in page.all("button")] == ["approved", "rejected"]
        assert page.all("script") == []


def test_every_control_has_a_label_and_ids_are_unique(sqlite_url: str) -> None:
    with _a_web(sqlite_url) as web:
        _, path = _opened(web, form=FORM)
        page = Page(_send(web, path, decision="approved", **{"data.amount": "0", "data.kind": '"gift"'}))
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        labelled = {label["for"] for label in page.all("label")}
        for tag in ("input", "select", "textarea"):
            assert {each["id"] for each in page.all(tag)} <= labelled
        described = {word for _, each in page.elements for word in (each.get("aria-describedby") or "").split()}
        assert described
        assert described <= set(ids)
        assert page.all("html", lang="en")


def test_a_decision_by_the_form_is_recorded_with_its_types_and_the_page_tells_so(database_url: str) -> None:
    with _a_web(database_url) as web:
        _, path = _opened(web, form=FORM)
        entered = {"data.amount": "7", "data.reason": "one\r\ntwo", "data.kind": '"voucher"', "comment": "fine"}
        response = _send(web, path, decision="approved", **entered)
        assert (response.status_code, response.headers["Location"]) == (303, path.rpartition("/")[2])
        page = Page(_get(web, path))
        assert "You have\napproved this." in page.text
        assert page.all("form") == []
        result = output(web.harness)
        assert result["data"] == {"amount": 7, "reason": "one\ntwo", "kind": "voucher", "urgent": False}
        assert result["decisions"][0]["comment"] == "fine"


def test_a_rejection_needs_nothing_of_the_form(database_url: str) -> None:
    with _a_web(database_url) as web:
        _, path = _opened(web, form=FORM)
        assert _send(web, path, decision="rejected", comment="no", **{"data.amount": "x"}).status_code == 303
        assert output(web.harness)["status"] == "rejected"


def test_what_does_not_fit_is_shown_beside_its_field_and_nothing_is_lost(database_url: str) -> None:
    with _a_web(database_url) as web:
        _, path = _opened(web, form=FORM)
        response = _send(web, path, decision="approved", comment="please", **{"data.amount": "0", "data.reason": "why"})
        page = Page(response)
        assert response.status_code == 422
        assert "Expected at least 1, got 0" in page.text
        (amount,) = page.all("input", name="data.amount")
        assert (amount["value"], amount["aria-invalid"]) == ("0", "true")
        assert "why" in page.text
        assert "please" in page.text
        missing = _send(web, path, decision="approved")
        assert (missing.status_code, "Please fill this in" in Page(missing).text) == (422, True)
        for number in ("seven", "1e999", "0x7", '"7"'):
            assert _send(web, path, decision="approved", **{"data.amount": number}).status_code == 422, number
        assert web.count("approval_decisions") == 0


def test_a_link_decides_once_and_the_second_time_answers_409(database_url: str) -> None:
    with _a_web(database_url) as web:
        _, path = _opened(web)
        answers = at_once(*[lambda: _send(web, path, decision="approved")] * 2)
        assert sorted(answer.status_code for answer in answers) == [303, 409]
        again = _send(web, path, decision="rejected")
        assert again.status_code == 409
        assert "You have\napproved this." in Page(again).text
        theirs = _send(web, f"/a/{token_of(web.harness, BOB)}", decision="approved")
        assert theirs.status_code == 409
        assert "This is decided already: it was approved." in Page(theirs).text
        assert len(output(web.harness)["decisions"]) == 1


def test_after_its_time_a_link_answers_410(database_url: str) -> None:
    with _a_web(database_url) as web:
        _, path = _opened(web, timeout=60)
        web.harness.clock.advance(seconds=60)
        for response in (_get(web, path), _send(web, path, decision="approved")):
            assert response.status_code == 410
            assert "was over" in Page(response).text
            assert Page(response).all("form") == []
        web.harness.skip(0)
        assert output(web.harness)["status"] == "expired"


def test_a_link_of_a_cancelled_run_answers_410(database_url: str) -> None:
    with _a_web(database_url) as web:
        _, path = _opened(web)
        web.harness.runtime.control.cancel(DEFAULT_SCOPE, web.harness.run()["id"])
        assert _get(web, path).status_code == 410
        assert _send(web, path, decision="approved").status_code == 410


def test_a_link_that_is_none_answers_404(database_url: str) -> None:
    with _a_web(database_url) as web:
        _, path = _opened(web)
        for wrong in (f"{path}x", path[:-1], f"{path[:-1]}{'A' if path[-1] != 'A' else 'B'}", "/a/x"):
            assert _get(web, wrong).status_code == 404
            assert _send(web, wrong, decision="approved").status_code == 404
            assert web.anonymous().post(wrong, {"decision": "approved"}).status_code == 404
        assert web.anonymous().get("/a/x").status_code == 404  # as a problem document, for programs


def test_looking_decides_nothing(database_url: str) -> None:
    with _a_web(database_url) as web:
        _, path = _opened(web)
        for query in ("", "?decision=approved", "?x=1"):
            assert _get(web, path + query).status_code == 200
        assert web.app.test_client().head(path).status_code == 200
        assert web.app.test_client().put(path, data={"decision": "approved"}).status_code == 405
        assert web.count("approval_decisions") == 0


def test_programs_decide_by_json(database_url: str) -> None:
    with _a_web(database_url) as web:
        _, path = _opened(web, form=FORM, needed=2)
        shown = web.app.test_client().get(path, headers={"Accept": "application/json"}).get_json()
        assert (shown["assignee"], shown["status"], shown["decision"], shown["form"]) == (ADA, "open", None, FORM)
        assert "assignees" not in shown
        client = web.anonymous()
        refused = client.post(path, {"decision": "approved", "data": {"amount": 0}})
        assert (refused.status_code, problems_of(refused)) == (422, [("/data/amount", "invalid-value")])
        assert client.post(path, {"decision": "approved", "actor": BOB}).status_code == 400
        decided = web.app.test_client().post(path, json={"decision": "approved", "data": {"amount": 1}})
        assert (decided.status_code, decided.get_json()["status"]) == (200, "open")
        assert decided.get_json()["decision"]["data"] == {"amount": 1}
        assert client.post(path, {"decision": "approved", "data": {"amount": 1}}).status_code == 409


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", "", "application/xml"])
def test_a_body_of_another_type_is_refused(sqlite_url: str, content_type: str) -> None:
    with _a_web(sqlite_url) as web:
        _, path = _opened(web)
        response = web.app.test_client().post(path, data=b'{"decision": "approved"}', content_type=content_type)
        assert response.status_code == 415
        assert web.count("approval_decisions") == 0


def test_a_form_that_is_too_large_or_no_text_is_refused(sqlite_url: str) -> None:
    with _a_web(sqlite_url) as web:
        _, path = _opened(web)
        assert _send(web, path, decision="approved", comment="x" * 300_000).status_code == 413
        assert _send(web, path, decision="approved", **{f"f{n}": "" for n in range(1_001)}).status_code == 413
        assert _send(web, path, decision="approved", comment="\0").status_code == 400
        assert _send(web, path, decision="approved", comment="x" * 2_001).status_code == 400
        assert _send(web, path, comment="x").status_code == 400
        raw = web.app.test_client().post(
            path, data=b"decision=%ff", content_type="application/x-www-form-urlencoded", headers=HTML
        )
        assert raw.status_code == 400
        assert web.count("approval_decisions") == 0


#: What must come out as text, wherever it stands.
XSS = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<svg/onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&#60;script&#62;",
    "<!--<script>",
    "\u2028\u2029<a href=//evil.example>",
    "x\" autofocus onfocus=\"alert(1)",
]  # fmt: skip


@pytest.mark.parametrize("attack", XSS)
def test_nothing_that_is_asked_or_entered_is_markup(sqlite_url: str, attack: str) -> None:
    form = {
        "type": "object",
        "title": attack,
        "properties": {
            attack: {"type": "string", "title": attack, "description": attack, "default": attack},
            "long": {"type": "string", "ui": {"widget": "textarea"}, "default": attack},
            "choice": {"enum": [attack, "other"], "title": attack},
            "json": {"type": "array", "default": [attack]},
            "min": {"type": "number", "minimum": 1, "description": attack},
        },
        "required": [attack],
    }
    with _a_web(sqlite_url) as web:
        _, path = _opened(web, title=attack, description=attack, form=form, assignees=[ADA, attack])
        before = Page(_get(web, path))
        plain = _shape(Page(_get(web, _opened(web, form=form | {"title": "x"}, title="t", description="d")[1])))
        entered = {f"data.{attack}": attack, "data.min": attack, "data.json": attack, "comment": attack}
        after = Page(_send(web, path, decision=attack, **entered))
        refused = Page(_send(web, path, decision="approved", **entered))
        for page in (before, after, refused):
            assert {tag for tag, _ in page.elements} <= plain | {"ul", "li", "strong", "div", "p"}
            for tag, attributes in page.elements:
                assert not [name for name in attributes if name.startswith("on") or name == "autofocus"], tag
                assert tag not in ("script", "img", "svg", "a", "iframe"), tag
        assert attack.replace("\r", "") in before.text.replace("\r", "")
        assert "49" not in re.findall(r"<h1>(.*?)</h1>", before.source, re.DOTALL)
        assert _send(web, path, decision="rejected", comment=attack).status_code == 303
        assert attack in Page(_get(web, path)).text


def _shape(page: Page) -> set[str]:
    return {tag for tag, _ in page.elements}


def test_the_page_may_load_and_execute_nothing(sqlite_url: str) -> None:
    with _a_web(sqlite_url) as web:
        _, path = _opened(web)
        first, second = _get(web, path), _get(web, path)
        policy = first.headers["Content-Security-Policy"]
        (nonce,) = re.findall(r"'nonce-([^']+)'", policy)
        assert policy == (
            f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        assert f'<style nonce="{nonce}">' in first.get_data(as_text=True)
        assert nonce not in second.headers["Content-Security-Policy"]
        for header, value in {
            "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Robots-Tag": "noindex",
            "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
        }.items():  # fmt: skip
            assert first.headers[header] == value
        assert "Set-Cookie" not in first.headers
        assert not [each for _, each in Page(first).elements if "style" in each or "src" in each or "href" in each]


def test_below_a_prefix_the_form_goes_to_where_it_came_from(sqlite_url: str) -> None:
    from flask import Flask

    from workflowkit.api import create_blueprint

    with _a_web(sqlite_url) as web:
        _, path = _opened(web)
        host = Flask("host")
        host.register_blueprint(create_blueprint(web.services), url_prefix="/flows")
        http = host.test_client()
        assert http.get(f"/flows{path}", headers=HTML).status_code == 200
        sent = http.post(f"/flows{path}", data={"decision": "approved"}, headers=HTML)
        assert urljoin(f"https://example.com/flows{path}", sent.location) == f"https://example.com/flows{path}"
        assert output(web.harness)["status"] == "approved"
