import { useState } from "react";
import { api } from "../api/session";
import { asApiError } from "../api/useLoaded";
import { notify } from "../shell/notices";
import { navigate, pathTo } from "../shell/routes";
import { Dialog } from "../shell/ui/Dialog";
import { Icon } from "../shell/ui/Icon";
import type { Template } from "./templates";
import { BLANK, TEMPLATES } from "./templates";

/** What a new workflow is to begin with. What is to be filled in, the editor's problems and the steps' texts say. */
export function NewWorkflowDialog({ onClose }: { readonly onClose: () => void }): React.JSX.Element {
  const [isBusy, setBusy] = useState(false);
  const create = async ({ document }: Template): Promise<void> => {
    setBusy(true);
    try {
      const workflow = await api.createWorkflow(document);
      navigate(pathTo("workflows", workflow.id));
    } catch (reason) {
      notify(asApiError(reason).message, "error");
      setBusy(false);
    }
  };
  return (
    <Dialog title="New workflow" size="large" testId="new-workflow-dialog" onClose={onClose}>
      <ul className="templates">
        {[BLANK, ...TEMPLATES].map((template) => (
          <li key={template.id}>
            <button
              type="button"
              className="template"
              disabled={isBusy}
              data-testid={`template-${template.id}`}
              onClick={() => void create(template)}
            >
              <span className="template-icon">
                <Icon name={template.icon} size={20} />
              </span>
              <span className="template-name">{template.name}</span>
              <span className="template-description">{template.description}</span>
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
