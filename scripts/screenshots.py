"""Take the pictures of the user guide: a server with a demo application, and Chromium, which looks at its pages.

.venv/bin/python -m scripts.screenshots            writes docs/images/*.png
.venv/bin/python -m scripts.screenshots run event  only these

The editor must be built (scripts/build_web.py), and a Chromium must be on PATH.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import struct
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from scripts.chromium import find_chromium
from workflowkit.base.clock import SystemClock
from workflowkit.cli.client import ApiClient

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "images"
SIZE: ViewportSize = {"width": 1180, "height": 720}
#: A rule of alerts looks every 15 seconds, a process reports itself every 10, a job is a timer.
PATIENCE_MS = 60_000

ORDER: dict[str, Any] = {
    "name": "Order approval",
    "triggers": [{"event": "shop/order.placed"}],
    "inputs": {
        "type": "object",
        "required": ["email", "total"],
        "properties": {
            "email": {"type": "string", "title": "E-mail", "format": "email"},
            "total": {"type": "number", "title": "Total"},
        },
    },
    "actions": [
        {"id": "customer", "kind": "find_customer", "name": "Find the customer",
         "inputs": {"email": "!ref($.event.data.email)"}},
        {"id": "check", "kind": "builtin:if", "name": "Is it a large order?",
         "inputs": {"condition": {">": ["!ref($.event.data.total)", 500]}}},
        {"id": "approve", "kind": "builtin:approval", "name": "Ask the manager",
         "inputs": {"title": "Order of !ref($.state.customer.name)", "timeout": "2d",
                    "description": "!ref($.event.data.total) euros, ordered by !ref($.event.data.email).",
                    "form": {
                        "type": "object",
                        "properties": {
                            "delivery": {"title": "Delivery", "type": "string", "enum": ["By post", "By courier"]},
                            "discount": {"title": "Discount in percent", "type": "integer"},
                        },
                        "required": ["delivery"],
                    }}},
        {"id": "charge", "kind": "charge_card", "name": "Charge the card",
         "inputs": {"amount": "!ref($.event.data.total)"}},
    ],
    "edges": [
        {"from": "$source", "to": "customer"},
        {"from": "customer", "to": "check"},
        {"from": "check", "to": "approve", "conditional": {"type": "if", "ref": "!ref($.output.result)"}},
        {"from": "check", "to": "charge", "conditional": {"type": "else", "ref": "!ref($.output.result)"}},
    ],
}  # fmt: skip
NEWSLETTER: dict[str, Any] = {
    "name": "Newsletter",
    "triggers": [{"event": "shop/order.placed", "if": "event.data.newsletter == true"}],
    "actions": [{"id": "note", "kind": "log", "inputs": {"message": "signed up"}}],
    "edges": [{"from": "$source", "to": "note"}],
}
INVOICES: dict[str, Any] = {
    "name": "Paid invoices",
    "triggers": [{"webhook": "stripe"}],
    "actions": [{"id": "note", "kind": "log", "inputs": {"message": "paid"}}],
    "edges": [{"from": "$source", "to": "note"}],
}
WEBHOOK_SECRET = "whsec_of_the_picture"


class Guide:
    """The pages of the guide, each as it is to be seen on its picture."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.shots: dict[str, Callable[[], None]] = {
            "workflows": self.workflows, "editor": self.editor, "test-run": self.test_run, "versions": self.versions,
            "run": self.run, "event": self.event, "approvals": self.approvals, "form": self.form,
            "bulk": self.bulk, "alerts": self.alerts, "functions": self.functions, "new-webhook": self.new_webhook,
            "webhook": self.webhook, "workers": self.workers,
        }  # fmt: skip

    def take(self, name: str) -> int:
        """Take a picture; return its size in bytes."""
        self.shots[name]()
        self.page.mouse.move(0, 0)
        data = recompressed(self.page.screenshot(animations="disabled", caret="hide"))
        (TARGET / f"{name}.png").write_bytes(data)
        return len(data)

    def go(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")

    def see(self, test_id: str) -> None:
        expect(self.page.get_by_test_id(test_id).first).to_be_visible(timeout=PATIENCE_MS)

    def workflows(self) -> None:
        self.go("/workflows")
        self.see("workflow-order-approval")

    def editor(self) -> None:
        self.go("/workflows/order-approval")
        self.page.get_by_test_id("node-charge").click()
        expect(self.page.locator(".reference-chip").first).to_contain_text(
            "total", ignore_case=True, timeout=PATIENCE_MS
        )

    def test_run(self) -> None:
        self.go("/workflows/order-approval")
        self.see("node-charge")
        self.page.get_by_test_id("test-button").click()
        form = self.page.get_by_test_id("test-form")
        form.get_by_label("E-mail").fill("ada@example.com")
        form.get_by_label("Total").fill("120")
        self.page.get_by_test_id("test-run").click()
        self.see("test-result")

    def versions(self) -> None:
        self.publish_again()
        self.go("/workflows/order-approval?panel=versions")
        self.see("version-2")

    def publish_again(self) -> None:
        """Publish a second version, whose orders are large from 400 euros on."""
        path, request = f"{self.url}/api/workflows/order-approval", self.page.request
        tag = request.get(f"{path}/draft").headers["etag"]
        text = json.dumps({"document": ORDER}).replace(
            '"!ref($.event.data.total)", 500', '"!ref($.event.data.total)", 400'
        )
        headers = {"Content-Type": "application/json", "If-Match": tag}
        saved = request.put(f"{path}/draft", data=text, headers=headers)
        said = {"note": "The manager is asked from 400 euros on, not from 500."}
        request.post(f"{path}/publish", data=said, headers={"If-Match": saved.headers["etag"]})

    def run(self) -> None:
        client = ApiClient(self.url)
        with closing(client):
            runs = client.get("/api/runs?workflow_id=order-approval&status=completed")["items"]
        self.go(f"/runs/{runs[0]['id']}?step=charge")
        self.see("log")

    def event(self) -> None:
        self.go("/events?name=shop/order.placed")
        self.page.get_by_role("link", name="shop/order.placed").first.click()
        self.see("decisions")

    def approvals(self) -> None:
        self.go("/approvals")
        self.see("decide")

    def form(self) -> None:
        self.go("/workflows/order-approval")
        self.page.get_by_test_id("node-approve").click()
        self.page.get_by_test_id("field-/form").click()
        expect(self.page.get_by_test_id("form-preview").get_by_label("Delivery")).to_be_visible()

    def bulk(self) -> None:
        self.go("/runs?status=waiting&workflow=order-approval")
        self.page.get_by_test_id("bulk-open").click()
        expect(self.page.get_by_test_id("begin-job")).to_be_enabled()

    def alerts(self) -> None:
        self.go("/alerts")
        expect(self.page.get_by_text("fired", exact=True).first).to_be_visible(timeout=PATIENCE_MS)

    def functions(self) -> None:
        self.go("/functions")
        self.see("app-shop")

    def new_webhook(self) -> None:
        self.go("/webhooks")
        self.see("webhook-stripe")
        self.page.get_by_test_id("new-webhook").click()
        self.page.get_by_test_id("webhook-template").select_option("github")
        self.page.get_by_test_id("webhook-secret-0").fill(WEBHOOK_SECRET)

    def webhook(self) -> None:
        self.go("/webhooks/stripe")
        expect(self.page.get_by_test_id("webhook-deliveries")).to_contain_text("refused", timeout=PATIENCE_MS)
        self.page.get_by_test_id("try-mapping").click()
        expect(self.page.get_by_test_id("tried")).to_contain_text("stripe/invoice.paid")
        heading = self.page.get_by_role("heading", name="What a delivery becomes")
        heading.evaluate("heading => { heading.style.scrollMarginTop = '28px'; heading.scrollIntoView(); }")

    def workers(self) -> None:
        self.go("/workers")
        expect(self.page.get_by_text("worker@shop")).to_be_visible(timeout=PATIENCE_MS)


def main(names: Sequence[str]) -> int:
    """Take the pictures of these names, or all; return the exit status."""
    chromium = find_chromium()
    if chromium is None:
        print("there is no Chromium on PATH")
        return 1
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, a_server(Path(home)) as url, sync_playwright() as playwright:
        fill(url)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = browser.new_page(viewport=SIZE, reduced_motion="reduce", color_scheme="light", locale="en-GB")
        guide = Guide(page, url)
        for name in names or guide.shots:
            print(f"{name}.png  {guide.take(name) // 1024} KiB")
        browser.close()
    return 0


@contextmanager
def a_server(home: Path) -> Iterator[str]:
    """Start a dev server with the demo application; give its address."""
    command = [sys.executable, "-m", "workflowkit", "dev", f"{ROOT / 'scripts' / 'demo_shop.py'}:wk", "--port", "0"]
    process = subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    with process.stdout:
        try:
            yield next(found[0] for line in process.stdout if (found := re.search(r"http://[\d.]+:\d+", line)))
        finally:
            process.terminate()
            process.wait()


def fill(url: str) -> None:
    """Give the server workflows, events that they start with, rules, and runs that fail."""
    with closing(ApiClient(url)) as client:
        for workflow_id, document in (("order-approval", ORDER), ("newsletter", NEWSLETTER)):
            client.post("/api/workflows", {"id": workflow_id, "document": document})
            client.post(f"/api/workflows/{workflow_id}/publish", None)
        client.post("/api/alerts", {"name": "Dunning fails", "workflow_id": "shop/dunning",
                                    "condition": {"kind": "failure_count", "failures": 3}})  # fmt: skip
        client.post("/api/alerts", {"name": "Half of all runs fail", "window_seconds": 900,
                                    "condition": {"kind": "failure_rate", "rate": 0.5, "min_runs": 50}})  # fmt: skip
        connect_stripe(client, url)
        for number in range(5):
            client.post("/api/events", {"name": "shop/invoice.failed", "data": {"invoice": number}})
        for total in (900, 1250, 80, 120):
            data = {"email": "ada@example.com", "total": total, "newsletter": False}
            client.post("/api/events", {"name": "shop/order.placed", "data": data})
        while not client.get("/api/runs?workflow_id=order-approval&status=completed")["items"]:
            threading.Event().wait(0.2)


def connect_stripe(client: ApiClient, url: str) -> None:
    """Make a webhook that starts a workflow, with a delivery that is genuine and one that is not."""
    template = next(each for each in client.get("/api/webhook-templates")["items"] if each["id"] == "stripe")
    made = client.post("/api/webhooks", {"name": "stripe", "verification": template["verification"],
                                         "secrets": [WEBHOOK_SECRET], "transform": template["transform"]})  # fmt: skip
    client.post("/api/workflows", {"id": "paid-invoices", "document": INVOICES})
    client.post("/api/workflows/paid-invoices/publish", None)
    seconds = SystemClock().now_ms() // 1000
    paid = {"id": "evt_1", "type": "invoice.paid", "created": seconds, "data": {"object": {"amount_paid": 12950}}}
    body = json.dumps(paid).encode()
    for secret in (WEBHOOK_SECRET, "a guess"):
        signature = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Stripe-Signature": f"t={seconds},v1={signature}", "Content-Type": "application/json"}
        with suppress(urllib.error.HTTPError):
            urllib.request.urlopen(urllib.request.Request(urljoin(url, made["url"]), body, headers)).close()


def recompressed(png: bytes) -> bytes:
    """Return a PNG with the same pixels, packed as tightly as zlib can."""
    head, chunks, position = png[:8], [], 8
    while position < len(png):
        length, kind = struct.unpack(">I4s", png[position : position + 8])
        chunks.append((kind, png[position + 8 : position + 8 + length]))
        position += length + 12
    pixels = zlib.compress(zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT")), 9)
    kept = [(b"IHDR", chunks[0][1]), (b"IDAT", pixels), (b"IEND", b"")]
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in kept
    )
    return head + b"".join(packed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
