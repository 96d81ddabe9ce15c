import { Suspense, lazy, useState } from "react";
import type { JsonObject } from "../base/json";
import { api } from "../api/session";
import { asApiError } from "../api/useLoaded";
import { served, t } from "../locale/locale";
import { notify } from "../shell/notices";
import { navigate, pathTo } from "../shell/routes";
import { Dialog } from "../shell/ui/Dialog";
import { Icon } from "../shell/ui/Icon";
import type { Template } from "./templates";
import { BLANK, TEMPLATES } from "./templates";

const TemplatePreview = lazy(() => import("./TemplatePreview").then((module) => ({ default: module.TemplatePreview })));

/** What a new workflow is to begin with: with nothing, or with a template, which is shown first. */
export function NewWorkflowDialog({ onClose }: { readonly onClose: () => void }): React.JSX.Element {
  const [isBusy, setBusy] = useState(false);
  const [chosen, setChosen] = useState<Template | undefined>(undefined);
  const create = async (document: JsonObject): Promise<void> => {
    setBusy(true);
    try {
      const workflow = await api.createWorkflow({ ...document, name: served(String(document.name)) });
      navigate(pathTo("workflows", workflow.id));
    } catch (reason) {
      notify(asApiError(reason).message, "error");
      setBusy(false);
    }
  };
  return (
    <Dialog title={t("New workflow")} size="large" testId="new-workflow-dialog" onClose={onClose}>
      {chosen !== undefined && (
        <Suspense fallback={<p className="page-wait">{t("Loading…")}</p>}>
          <TemplatePreview
            template={chosen}
            isBusy={isBusy}
            onUse={(document) => void create(document)}
            onBack={() => setChosen(undefined)}
          />
        </Suspense>
      )}
      {chosen === undefined && (
        <Gallery
          isBusy={isBusy}
          onChoose={(template) => (template === BLANK ? void create(template.document) : setChosen(template))}
        />
      )}
    </Dialog>
  );
}

interface GalleryProps {
  readonly isBusy: boolean;
  readonly onChoose: (template: Template) => void;
}

function Gallery({ isBusy, onChoose }: GalleryProps): React.JSX.Element {
  return (
    <ul className="templates">
      {[BLANK, ...TEMPLATES].map((template) => (
        <li key={template.id}>
          <button
            type="button"
            className="template"
            disabled={isBusy}
            data-testid={`template-${template.id}`}
            onClick={() => onChoose(template)}
          >
            <span className="template-icon">
              <Icon name={template.icon} size={20} />
            </span>
            <span className="template-name">{served(template.name)}</span>
            <span className="template-description">{served(template.description)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
