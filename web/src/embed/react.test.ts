import { createElement } from "react";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { WorkflowEditorProps } from "../../react/index";
import { WorkflowApprovals, WorkflowEditor } from "../../react/index";

/** Stands for the element that the server's script defines. */
class Fake extends HTMLElement {
  readonly set: Record<string, unknown> = {};
}
for (const name of ["server", "workflowId", "runId", "document", "actions", "readOnly", "theme", "locale", "getToken"])
  Object.defineProperty(Fake.prototype, name, {
    configurable: true,
    get(this: Fake) {
      return this.set[name];
    },
    set(this: Fake, value: unknown) {
      this.set[name] = value;
    },
  });

describe("the component for React", () => {
  const container = document.createElement("div");
  const root = createRoot(container);
  const errors: string[] = [];

  beforeEach(() => {
    vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
    if (customElements.get("workflow-editor") === undefined) customElements.define("workflow-editor", Fake);
  });
  afterEach(() => vi.unstubAllGlobals());

  async function draw(props: Partial<WorkflowEditorProps>): Promise<Fake> {
    const all = { server: "/flows", getToken: () => "token", onError: noted, ...props };
    await act(async () => {
      root.render(createElement(WorkflowEditor, all));
      await Promise.resolve();
    });
    return container.querySelector("workflow-editor") as Fake;
  }

  function noted({ code }: { readonly code: string }): void {
    errors.push(code);
  }

  it("hands the element what it was given, and tells what it hears", async () => {
    const changes: unknown[] = [];
    const saves: unknown[] = [];
    const document1 = { name: "1", actions: [], edges: [] };
    const element = await draw({
      document: document1,
      actions: ["shop/*"],
      locale: "de",
      onChange: (detail) => changes.push(detail),
      onSave: (detail) => saves.push(detail),
    });
    expect(element.set).toMatchObject({ server: "/flows", workflowId: "", readOnly: false, locale: "de" });
    expect(element.set.document).toBe(document1);
    expect(element.set.actions).toEqual(["shop/*"]);
    const detail = { workflowId: "", document: { ...document1, name: "2" }, patch: [] };
    element.dispatchEvent(new CustomEvent("change", { detail }));
    element.dispatchEvent(new CustomEvent("save", { detail }));
    expect([changes, saves]).toEqual([[detail], [detail]]);
    // Given back, it is the element's next document; the element itself stays.
    expect(await draw({ document: detail.document, locale: "de" })).toBe(element);
    expect(element.set.document).toBe(detail.document);
  });

  it("shows a run, and an editor again", async () => {
    const runs: unknown[] = [];
    const element = await draw({ runId: "r1", onRun: (detail) => runs.push(detail) });
    expect(element.set.runId).toBe("r1");
    element.dispatchEvent(new CustomEvent("run", { detail: { workflowId: "w", runId: "r1", status: "running" } }));
    expect(runs).toEqual([{ workflowId: "w", runId: "r1", status: "running" }]);
    await draw({ workflowId: "w" });
    expect([element.set.runId, element.set.workflowId]).toEqual([undefined, "w"]);
  });

  it("shows approvals, and tells what was decided", async () => {
    const decisions: unknown[] = [];
    if (customElements.get("workflow-approvals") === undefined)
      customElements.define("workflow-approvals", class extends Fake {});
    const all = { server: "/flows", getToken: () => "token", workflowId: "refunds", locale: "de" };
    await act(async () => {
      root.render(createElement(WorkflowApprovals, { ...all, onDecided: (detail) => decisions.push(detail) }));
      await Promise.resolve();
    });
    const element = container.querySelector("workflow-approvals") as Fake;
    expect(element.set).toMatchObject({ server: "/flows", workflowId: "refunds", locale: "de" });
    const detail = { workflowId: "refunds", runId: "r", approvalId: "a", status: "approved" };
    element.dispatchEvent(new CustomEvent("decided", { detail }));
    expect(decisions).toEqual([detail]);
  });

  it("tells if the server has no such script", async () => {
    await draw({ server: "/elsewhere" });
    await vi.waitFor(() => expect(errors).toContain("not-loaded"));
  });
});
