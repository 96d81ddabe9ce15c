"""On a server that asks who somebody is: logging in, what roles show, sessions that end, and what other pages do."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import services
from accessibility import HOSTILE, serious
from editing import EditorPage, NewPage, Server, chain
from openid import CLIENT_ID, CLIENT_SECRET, a_provider
from playwright.sync_api import Page, Route, expect
from translations import catalogue, english_on

from workflowkit.base.clock import SystemClock

COMMAND = [sys.executable, "-m", "workflowkit"]
PASSWORD = "correct horse battery staple"
#: What is called the same in all languages; who did something is told as the log has it, and is searched for by that.
NAMED = {"Workflow Kit", "nobody"}


def is_listening(address: str) -> bool:
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Guarded:
    """An API that is not a dev server, and a key that may do everything."""

    url: str
    key: str

    def create(self, page: Page) -> None:
        """Store a workflow ``flow``."""
        headers = {"Authorization": f"Bearer {self.key}"}
        body = {"id": "flow", "document": chain("log")}
        assert page.request.post(f"{self.url}/api/workflows", data=body, headers=headers).status == 201

    def draft(self, page: Page) -> dict[str, object]:
        """Return its draft."""
        headers = {"Authorization": f"Bearer {self.key}"}
        document: dict[str, object] = page.request.get(f"{self.url}/api/workflows/flow/draft", headers=headers).json()[
            "document"
        ]
        return document


def a_free_address() -> str:
    return f"127.0.0.1:{services.free_port()}"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with a_guarded(tmp_path_factory.mktemp("guarded"), a_free_address(), {}) as served:
        yield served


@contextmanager
def a_guarded(home: Path, address: str, settings: dict[str, str]) -> Iterator[Guarded]:
    """Serve an installation with an admin and a viewer."""
    environment = {**os.environ, **settings, "WORKFLOWKIT_DATABASE_URL": f"sqlite:///{home / 'guarded.db'}"}

    def run(*arguments: str, given: str = "") -> str:
        done = subprocess.run(
            [*COMMAND, *arguments], cwd=home, env=environment, check=True, capture_output=True, text=True, input=given
        )
        return done.stdout

    run("migrate")
    key = json.loads(run("keys", "create", "somebody", "--json"))["key"]
    for name, role in (("ann@example.org", "admin"), ("vera@example.org", "viewer")):
        run("users", "add", name, "--role", role, "--password-stdin", given=PASSWORD)
    api = subprocess.Popen([*COMMAND, "api", "--bind", address, "--log-level", "error"], cwd=home, env=environment)
    try:
        assert services.wait_until(lambda: is_listening(address), timeout_seconds=60)
        Server(f"http://{address}").get("/api/health/ready")  # the first request waits for the application
        yield Guarded(f"http://{address}", key)
    finally:
        api.terminate()
        api.wait()


@pytest.fixture
def stored(guarded: Guarded, page: Page) -> Guarded:
    """The same with a workflow."""
    headers = {"Authorization": f"Bearer {guarded.key}"}
    if page.request.get(f"{guarded.url}/api/workflows/flow", headers=headers).status == 404:
        guarded.create(page)
    return guarded


def log_in(page: Page, name: str = "ann@example.org", password: str = PASSWORD) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()


def test_a_key_is_asked_for_until_it_is_right(page: Page, guarded: Guarded) -> None:
    page.goto(f"{guarded.url}/runs")
    page.get_by_role("button", name="Use an API key").click()
    page.get_by_label("Key").fill("wk_default_wrong")
    page.get_by_label("Key").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("unknown or revoked")
    page.get_by_label("Key").fill(guarded.key)
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    assert guarded.key not in page.content()
    page.get_by_test_id("account-button").click()
    page.get_by_test_id("log-out").click()
    expect(page.get_by_test_id("login-form")).to_be_visible()


def test_who_logs_in_gets_to_where_they_wanted_and_out_again(page: Page, guarded: Guarded) -> None:
    page.goto(f"{guarded.url}/events?name=shop/order")
    log_in(page, password="wrong")
    expect(page.get_by_role("alert")).to_contain_text("the name or the password is wrong")
    assert serious(page) == []
    log_in(page, name="ANN@example.org")
    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    assert page.url.endswith("/events?name=shop/order")
    page.reload()
    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    page.get_by_test_id("account-button").click()
    expect(page.get_by_test_id("account-roles")).to_contain_text("ann@example.org · admin")
    expect(page.get_by_text("here and now").first).to_be_visible()
    assert serious(page) == []
    page.get_by_test_id("log-out").click()
    expect(page.get_by_test_id("login-form")).to_be_visible()
    assert page.context.cookies() == []
    page.go_back()
    expect(page.get_by_test_id("login-form")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_login_page_can_be_used_by_everybody(new_page: NewPage, guarded: Guarded, scheme: str) -> None:
    page = new_page(color_scheme=scheme, width=400).page
    page.goto(f"{guarded.url}/?login_problem={HOSTILE[0]}")
    expect(page.get_by_role("alert")).to_contain_text("has not worked")
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("language", "width"), [("de", 1440), ("ar", 1440), ("de", 390), ("ar", 390)])
def test_who_logs_in_and_manages_users_reads_their_language(
    new_page: NewPage, guarded: Guarded, language: str, width: int
) -> None:
    page, words = new_page(locale=language, width=width, height=844).page, catalogue(language)
    found: dict[str, list[str]] = {}

    def look(name: str) -> None:
        problems = [*english_on(page, language, NAMED), *serious(page)]
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            problems.append("too wide")
        if problems:
            found[name] = problems

    page.goto(f"{guarded.url}/users?login_problem=x")
    form = page.get_by_test_id("login-form")
    name, password = form.locator("[autocomplete=username]"), form.locator("[type=password]")
    expect(name).to_be_visible()
    look("login")
    name.fill("ann@example.org")
    password.fill("wrong")
    password.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    look("refused")
    page.get_by_role("button", name=words["Use an API key"]).click()
    look("key")
    page.reload()
    name.fill("ann@example.org")
    password.fill(PASSWORD)
    password.press("Enter")
    expect(page.get_by_test_id("new-user")).to_be_visible()
    expect(page.get_by_test_id("user-vera@example.org")).to_be_visible()
    look("users")
    page.get_by_test_id("new-user").click()
    dialog = page.get_by_role("dialog")
    look("new user")
    dialog.get_by_role("textbox").first.fill("x")
    dialog.locator("[type=password]").fill("short")
    dialog.get_by_role("button", name=words["Make the user"]).click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    look("new user, refused")
    page.keyboard.press("Escape")
    for item in ("Change roles", "Set a password"):
        page.get_by_test_id("user-vera@example.org").get_by_role("button").click()
        look("menu")
        page.get_by_role("menuitem", name=words[item]).click()
        expect(dialog).to_be_visible()
        look(item)
        page.keyboard.press("Escape")
    page.get_by_test_id("account-button").click()
    expect(page.get_by_test_id("log-out")).to_be_visible()
    look("account")
    page.keyboard.press("Escape")
    page.goto(f"{guarded.url}/audit")
    expect(page.get_by_test_id("audit-login.succeeded").first).to_be_visible()
    look("audit")
    assert found == {}


def test_a_viewer_sees_everything_and_changes_nothing(page: Page, stored: Guarded) -> None:
    page.goto(f"{stored.url}/workflows")
    log_in(page, "vera@example.org")
    expect(page.get_by_test_id("workflow-flow")).to_be_visible()
    expect(page.get_by_test_id("new-workflow")).to_have_count(0)
    expect(page.get_by_role("switch")).to_be_disabled()
    expect(page.get_by_role("link", name="Users")).to_have_count(0)
    page.get_by_role("link", name="A chain").click()
    editor = EditorPage(page, None)  # type: ignore[arg-type]  # its server is another one
    editor.node("log").click()
    expect(page.get_by_test_id("read-only")).to_be_visible()
    expect(page.get_by_test_id("workflow-name")).to_be_disabled()
    expect(page.get_by_test_id("publish")).to_have_count(0)
    for key in ("Delete", "a", "c", "Enter", "d", "g", "t", "Control+d"):
        page.keyboard.press(key)
    editor.clipboard("paste", editor.clipboard("cut"))
    expect(editor.node("log")).to_be_visible()
    expect(page.get_by_test_id("connect-prompt")).to_have_count(0)
    # Nor is it said that anything was done.
    expect(page.get_by_test_id("announcements")).to_have_text("1 step copied")
    assert serious(page) == []
    # What the page does not offer the server does not do.
    csrf = page.evaluate("fetch('/api/session').then((answer) => answer.json())")["csrf"]
    status = page.evaluate(
        """(csrf) => fetch('/api/workflows', {method: 'POST', body: '{"document": {}}',
          headers: {'Content-Type': 'application/json', 'Workflowkit-Csrf': csrf}}).then(({status}) => status)""",
        csrf,
    )
    assert status == 403


def test_a_session_that_ends_while_somebody_types_costs_them_nothing(page: Page, stored: Guarded) -> None:
    page.goto(f"{stored.url}/workflows/flow")
    log_in(page)
    name = page.get_by_test_id("workflow-name")
    expect(name).to_be_visible()
    page.context.clear_cookies()
    name.fill("Typed before the end")
    again = page.get_by_test_id("login-again")
    expect(again).to_be_visible()
    assert serious(page) == []
    assert stored.draft(page)["name"] != "Typed before the end"
    expect(again.get_by_label("Name", exact=True)).to_have_value("ann@example.org")
    again.get_by_label("Password").fill(PASSWORD)
    again.get_by_role("button", name="Log in", exact=True).click()
    expect(again).to_have_count(0)
    expect(name).to_have_value("Typed before the end")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    assert stored.draft(page)["name"] == "Typed before the end"


def test_a_login_at_a_provider_leads_back_and_in_again(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # of the provider's side
    address = a_free_address()
    redirect_uri = f"http://{address}/login/oidc/callback"
    with a_provider(redirect_uri, now_seconds=SystemClock().now_ms() // 1000) as provider:
        settings = {
            "WORKFLOWKIT_OIDC_ISSUER": provider.url, "WORKFLOWKIT_OIDC_CLIENT_ID": CLIENT_ID,
            "WORKFLOWKIT_OIDC_CLIENT_SECRET": CLIENT_SECRET, "WORKFLOWKIT_OIDC_LABEL": "Example",
            "WORKFLOWKIT_OIDC_ROLES": "admin:flow-admins",
        }  # fmt: skip
        provider.claims |= {"email": "otto@example.org", "groups": []}
        with a_guarded(tmp_path, address, settings) as served:
            page.goto(f"{served.url}/events?name=a")
            page.get_by_test_id("login-oidc").click()
            expect(page.get_by_role("alert")).to_contain_text("no role here")
            assert serious(page) == []
            provider.claims["groups"] = ["flow-admins"]
            page.goto(f"{served.url}/events?name=a")
            page.get_by_test_id("login-oidc").click()
            expect(page.get_by_role("heading", name="Events")).to_be_visible()
            assert page.url == f"{served.url}/events?name=a"
            # The session ends: the provider is in a tab of its own, and the page goes on by itself.
            page.context.clear_cookies()
            page.get_by_role("link", name="Runs", exact=True).click()
            again = page.get_by_test_id("login-again")
            with page.expect_popup() as opened:
                again.get_by_test_id("login-oidc").click()
            expect(opened.value.get_by_role("heading", name="Workflows")).to_be_visible()
            opened.value.close()
            page.bring_to_front()
            page.evaluate("dispatchEvent(new Event('focus'))")
            expect(again).to_have_count(0)
            expect(page.get_by_role("heading", name="Runs")).to_be_visible()


def test_a_login_in_another_tab_counts_in_this_one(page: Page, guarded: Guarded) -> None:
    page.goto(f"{guarded.url}/users")
    log_in(page)
    expect(page.get_by_role("heading", name="Users")).to_be_visible()
    other = page.context.new_page()
    other.goto(f"{guarded.url}/runs")
    page.context.clear_cookies()
    other.reload()
    log_in(other)
    expect(other.get_by_role("heading", name="Runs")).to_be_visible()
    # Another session, so another token: the page finds it out by itself.
    page.get_by_role("button", name="More for vera@example.org").click()
    page.get_by_role("menuitem", name="Change roles").click()
    page.get_by_role("button", name="Change roles").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", name="Users")).to_be_visible()


@pytest.mark.parametrize(("origin", "status"), [("http://evil.example", 401), ("http://127.0.0.1:9", 403)])
def test_what_other_pages_send_changes_nothing(page: Page, stored: Guarded, origin: str, status: int) -> None:
    page.goto(f"{stored.url}/workflows")
    log_in(page)
    expect(page.get_by_test_id("workflow-flow")).to_be_visible()
    # Of another site, to which no cookie is sent; and of another origin of the same site, to which it is.
    form = (
        f"""<form method=post enctype=text/plain action="{stored.url}/api/workflows/flow/disable"><button>x</button>"""
    )
    page.route(f"{origin}/**", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto(f"{origin}/")
    with page.expect_response(f"{stored.url}/**") as answered:
        page.get_by_role("button").click()
    assert answered.value.status == status
    headers = {"Authorization": f"Bearer {stored.key}"}
    assert page.request.get(f"{stored.url}/api/workflows/flow", headers=headers).json()["enabled"] is True


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_admin_manages_users(new_page: NewPage, guarded: Guarded, scheme: str) -> None:
    page = new_page(color_scheme=scheme).page
    page.goto(f"{guarded.url}/users")
    log_in(page)
    name = f"{scheme}@example.org"
    page.get_by_test_id("new-user").click()
    dialog = page.get_by_role("dialog", name="New user")
    dialog.get_by_label("Name", exact=False).first.fill(name)
    dialog.get_by_label("Name to show").fill(HOSTILE[0])
    dialog.get_by_label("Password").fill("too short")
    dialog.get_by_label("editor").check()
    assert serious(page) == []
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Make the user").click()
    row = page.get_by_test_id(f"user-{name}")
    expect(row).to_contain_text("viewer, editor")
    expect(row).to_contain_text(HOSTILE[0])
    expect(page.get_by_test_id("user-ann@example.org")).to_contain_text("you")
    row.get_by_role("button").click()
    page.get_by_role("menuitem", name="Disable").click()
    expect(row).to_contain_text("disabled")
    assert serious(page) == []


def test_an_admin_reads_who_did_what_and_a_viewer_does_not(guarded: Guarded, page: Page) -> None:
    page.goto(f"{guarded.url}/users")
    log_in(page)
    page.get_by_role("link", name="Audit log").click()
    row = page.get_by_test_id("audit-login.succeeded").first
    expect(row).to_contain_text("Logged in")
    expect(row).to_contain_text("you")
    expect(row).to_contain_text("127.0.0.1")
    page.get_by_label("What was done").select_option("user.created")
    made = page.get_by_test_id("audit-user.created").filter(has_text="vera@example.org")
    expect(made).to_have_count(1)
    expect(made).to_contain_text("name: vera@example.org · roles: viewer")
    expect(made).to_contain_text("cli")
    expect(page.get_by_test_id("audit-login.succeeded")).to_have_count(0)
    assert serious(page) == []
    page.goto(f"{guarded.url}/audit")
    page.get_by_role("searchbox", name="Who", exact=True).fill("cli")
    page.get_by_role("searchbox", name="Who", exact=True).press("Enter")
    expect(page.get_by_test_id("audit-key.created")).to_be_visible()
    expect(page.get_by_test_id("audit-login.succeeded")).to_have_count(0)
    page.context.clear_cookies()
    page.goto(f"{guarded.url}/audit")
    log_in(page, "vera@example.org")
    expect(page.get_by_role("alert")).to_contain_text("audit:read")


def test_who_may_not_hold_up_other_tenants_is_not_offered_it(guarded: Guarded, page: Page) -> None:
    headers = {"Authorization": f"Bearer {guarded.key}"}
    limits = [{"limit": 5, "key": "'mail'"}, {"limit": 2, "key": "'mail'", "scope": "installation"}]
    body = {"id": "limited", "document": chain("log") | {"settings": {"concurrency": limits}}}
    assert page.request.post(f"{guarded.url}/api/workflows", data=body, headers=headers).status == 201
    page.goto(f"{guarded.url}/workflows/limited")
    log_in(page)
    page.get_by_test_id("node-$source").click()
    page.get_by_role("tab", name="Flow control").click()
    scopes = page.get_by_test_id("flow-concurrency").get_by_label("Shared by")
    expect(scopes.nth(0).locator("option")).to_have_text(["Default (Workflow)", "Workflow", "Tenant"])
    # What is there is shown, and can be changed.
    expect(scopes.nth(1).locator("option").last).to_have_text("Installation")
    expect(page.get_by_test_id("flow-concurrency")).to_contain_text("holds up other tenants")


def test_where_the_host_lets_people_log_in_there_are_no_users_to_manage(guarded: Guarded, page: Page) -> None:
    page.goto(f"{guarded.url}/users")
    log_in(page)
    sections = page.get_by_role("navigation", name="Sections")
    expect(sections.get_by_role("link", name="Users")).to_be_visible()
    expect(sections.get_by_role("link", name="Audit")).to_have_count(0)

    def hosted(route: Route) -> None:
        answered = route.fetch()
        state = answered.json()
        route.fulfill(response=answered, json=state | {"methods": state["methods"] | {"password": False}})

    page.route("**/api/session", hosted)
    page.reload()
    expect(page.get_by_text("There is nothing here")).to_be_visible()
    expect(sections.get_by_role("link", name="Users")).to_have_count(0)
    sections.get_by_role("link", name="Audit").click()
    expect(page.get_by_test_id("audit-login.succeeded").first).to_be_visible()
    assert serious(page) == []
