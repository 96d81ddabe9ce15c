import { useState } from "react";
import { api } from "../api/session";
import { asApiError } from "../api/useLoaded";
import { indexProblems } from "../problems/locate";
import { notify } from "../shell/notices";
import { Button } from "../shell/ui/Button";
import { useEditor, useEditorContext } from "./store";
import { laterDialog } from "../shell/later";
import { counted, t, withPanelWords } from "../locale/locale";

const PublishDialog = laterDialog(() =>
  withPanelWords(() => import("./PublishDialog")).then((module) => module.PublishDialog),
);

/** Makes the draft the version that new runs execute. What the server would refuse cannot be published. */
export function PublishButton({ onPublished }: { readonly onPublished: (version: number) => void }): React.JSX.Element {
  const { store, saver } = useEditorContext();
  const errorCount = useEditor((state) => state.problems.errorCount);
  const [isBusy, setBusy] = useState(false);
  const [isNoting, setNoting] = useState(false);
  const [note, setNote] = useState("");
  const reason = errorCount > 0 ? counted("{count} problems must be solved first", errorCount) : undefined;

  const publish = async (): Promise<void> => {
    if (saver === undefined) return;
    const { workflowId } = store.getState();
    const saved = await saver.flush();
    if (saved.kind !== "saved") return notify(t("It was not published, because it could not be saved."), "error");
    try {
      const { version, created } = await api.publish(workflowId, saver.currentEtag, note);
      setNote("");
      onPublished(version);
      return notify(
        created
          ? t("Version {version} is live: new runs execute it.", { version })
          : t("This is version {version} already.", { version }),
      );
    } catch (failure) {
      const error = asApiError(failure);
      if (error.problems.length > 0) {
        store.setState({ problems: indexProblems(store.getState().history.present, error.problems) });
        store.getState().show("problems");
      }
      return notify(error.message, "error");
    }
  };

  const begin = (): void => {
    setBusy(true);
    setNoting(false);
    void publish().finally(() => setBusy(false));
  };
  const isDisabled = isBusy || reason !== undefined;
  return (
    <div className="publish">
      <Button
        look="primary"
        testId="publish"
        disabled={isDisabled}
        title={reason ?? t("New runs will execute what you see")}
        onClick={begin}
      >
        {t("Publish")}
      </Button>
      <Button
        look="primary"
        icon="chevronDown"
        aria-label={t("Publish with a note…")}
        title={t("Publish with a note…")}
        testId="publish-note"
        disabled={isDisabled}
        onClick={() => setNoting(true)}
      />
      {isNoting && <PublishDialog note={note} onChange={setNote} onPublish={begin} onClose={() => setNoting(false)} />}
    </div>
  );
}
