import { useCallback, useState } from "react";
import { api, useSession } from "../api/session";
import type { VersionSummary } from "../api/schema";
import { asApiError, useLoaded } from "../api/useLoaded";
import { compare } from "../document/diff";
import type { WorkflowDocument } from "../document/types";
import { prepare } from "../editor/prepare";
import { useDocument, useEditor, useEditorContext } from "../editor/store";
import { notify } from "../shell/notices";
import { ago, fullTime } from "../shell/times";
import { Button, IconButton } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { DifferenceCanvas } from "./DifferenceCanvas";
import { DifferenceList } from "./DifferenceList";
import "./versions.css";
import { t } from "../locale/locale";

interface Compared {
  readonly title: string;
  /** The versions of both sides, the older one first. */
  readonly versions: readonly VersionSummary[];
  readonly before: WorkflowDocument;
  readonly after: WorkflowDocument;
}

/** The published versions: look at what changed since, or bring one back as the draft. */
export function VersionsPanel(): React.JSX.Element {
  const { store } = useEditorContext();
  const workflowId = useEditor((state) => state.workflowId);
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const draft = useDocument();
  const [compared, setCompared] = useState<Compared | undefined>(undefined);
  const load = useCallback(() => api.versions(workflowId), [workflowId]);
  const { value: page, error } = useLoaded(load);

  const open = async (version: number): Promise<WorkflowDocument> =>
    prepare((await api.version(workflowId, version)).document);
  const withVersion = (version: number, use: (document: WorkflowDocument) => void): void => {
    open(version).then(use, (reason: unknown) => notify(asApiError(reason).message, "error"));
  };
  const restore = (version: number): void =>
    withVersion(version, (document) => {
      store
        .getState()
        .edit(
          (old) => ({ ...document, metadata: { ...old.metadata, ...document.metadata } }),
          t("restore version {version}", { version }),
        );
      notify(t("The draft is version {version} again. Undo brings back what was there.", { version }));
    });

  return (
    <section className="side-content" aria-label={t("Versions")} data-testid="versions">
      <header className="side-header">
        <h2>{t("Versions")}</h2>
        <IconButton icon="x" label={t("Close")} onClick={() => store.getState().show("none")} />
      </header>
      {error !== undefined && <p className="callout callout-error">{error.message}</p>}
      {page?.items.length === 0 && <p className="muted side-text">{t("Nothing was published yet.")}</p>}
      <ul className="side-list">
        {page?.items.map((version, index) => (
          <VersionRow
            key={version.version}
            version={version}
            previous={page.items[index + 1]}
            isReadOnly={isReadOnly}
            onCompare={() =>
              withVersion(version.version, (document) =>
                setCompared({
                  title: t("Version {version} and the draft", { version: version.version }),
                  versions: [version],
                  before: document,
                  after: draft,
                }),
              )
            }
            onComparePrevious={(previous) =>
              withVersion(previous.version, (before) =>
                withVersion(version.version, (after) =>
                  setCompared({
                    title: t("Version {before} and version {after}", {
                      before: previous.version,
                      after: version.version,
                    }),
                    versions: [previous, version],
                    before,
                    after,
                  }),
                ),
              )
            }
            onRestore={() => restore(version.version)}
          />
        ))}
      </ul>
      {compared !== undefined && (
        <Dialog title={compared.title} size="large" onClose={() => setCompared(undefined)}>
          <ul className="diff-versions" data-testid="diff-versions">
            {compared.versions.map((version) => (
              <li key={version.version}>
                <strong>{t("Version {version}", { version: version.version })}</strong>
                <Published version={version} />
              </li>
            ))}
          </ul>
          <div className="diff-both">
            <DifferenceCanvas before={compared.before} after={compared.after} />
            <DifferenceList difference={compare(compared.before, compared.after)} />
          </div>
        </Dialog>
      )}
    </section>
  );
}

interface VersionRowProps {
  readonly version: VersionSummary;
  readonly previous: VersionSummary | undefined;
  readonly isReadOnly: boolean;
  readonly onCompare: () => void;
  readonly onComparePrevious: (previous: VersionSummary) => void;
  readonly onRestore: () => void;
}

function VersionRow({
  version,
  previous,
  isReadOnly,
  onCompare,
  onComparePrevious,
  onRestore,
}: VersionRowProps): React.JSX.Element {
  return (
    <li className="version" data-testid={`version-${version.version}`}>
      <div className="row">
        <strong className="grow">{t("Version {version}", { version: version.version })}</strong>
      </div>
      <Published version={version} />
      <div className="row version-buttons">
        <Button onClick={onCompare}>{t("Compare with draft")}</Button>
        {previous !== undefined && <Button onClick={() => onComparePrevious(previous)}>{t("What changed")}</Button>}
        {!isReadOnly && <Button onClick={onRestore}>{t("Restore")}</Button>}
      </div>
    </li>
  );
}

/** When a version was published, by whom, and what they said about it. */
function Published({ version }: { readonly version: VersionSummary }): React.JSX.Element {
  const { created_at: at, published_by: by, note } = version;
  const self = useSession(({ state }) => state?.actor);
  return (
    <>
      <p className="muted version-by">
        <span title={fullTime(at)}>{ago(at)}</span>
        {by !== null && (
          <>
            {" · "}
            {by === self ? t("by you") : <bdi className="mono">{by}</bdi>}
          </>
        )}
      </p>
      {note !== null && (
        <p className="version-note">
          <bdi>{note}</bdi>
        </p>
      )}
    </>
  );
}
