import { useMemo } from "react";
import type { TaggedDraft } from "../api/client";
import { asApiError } from "../api/useLoaded";
import { compare } from "../document/diff";
import { openDocument } from "../document/read";
import { notify } from "../shell/notices";
import { fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { DifferenceList } from "../versions/DifferenceList";
import { keepMine, takeTheirs } from "./conflict";
import { downloadJson } from "./files";
import { useDocument, useEditorContext } from "./store";
import { t } from "../locale/locale";

/** Two have edited the same draft: shows what differs, and asks whose it shall be. Undo brings the other one back. */
export function ConflictDialog({
  theirs,
  onClose,
}: {
  readonly theirs: TaggedDraft;
  readonly onClose: () => void;
}): React.JSX.Element {
  const { store, saver } = useEditorContext();
  const mine = useDocument();
  const difference = useMemo(() => compare(openDocument(theirs.draft.document), mine), [theirs, mine]);
  const end = (way: typeof keepMine): void => {
    try {
      if (saver !== undefined) way(store, saver, theirs.draft.document);
    } catch (reason) {
      notify(asApiError(reason).message, "error");
    }
  };
  return (
    <Dialog
      title={t("Somebody else has saved this draft")}
      testId="conflict"
      onClose={onClose}
      footer={
        <>
          <Button icon="download" onClick={() => downloadJson("theirs.json", theirs.draft.document)}>
            {t("Download theirs")}
          </Button>
          <Button testId="take-theirs" onClick={() => end(takeTheirs)}>
            {t("Take theirs")}
          </Button>
          <Button look="primary" testId="keep-mine" onClick={() => end(keepMine)}>
            {t("Keep mine")}
          </Button>
        </>
      }
    >
      <div className="stack">
        <p>
          {t(
            "It was saved at {time}. Undo brings back the version that you do not take. This is what yours does differently:",
            {
              time: fullTime(theirs.draft.updated_at),
            },
          )}
        </p>
        <DifferenceList difference={difference} />
      </div>
    </Dialog>
  );
}
