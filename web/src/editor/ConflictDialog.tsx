import { useMemo } from "react";
import type { TaggedDraft } from "../api/client";
import { asApiError } from "../api/useLoaded";
import { compare } from "../document/diff";
import { openDocument, toJson } from "../document/read";
import { notify } from "../shell/notices";
import { fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { DifferenceList } from "../versions/DifferenceList";
import { downloadJson } from "./files";
import { prepare } from "./prepare";
import { useDocument, useEditorContext } from "./store";
import { t } from "../locale/locale";

/** Two have edited the same draft: shows what differs, and asks whose it shall be. Neither is lost. */
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
  const takeTheirs = (): void => {
    try {
      const document = prepare(theirs.draft.document);
      saver?.takeTheirs(toJson(document));
      store.getState().replace(document);
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
          <Button testId="take-theirs" onClick={takeTheirs}>
            {t("Take theirs")}
          </Button>
          <Button look="primary" testId="keep-mine" onClick={() => saver?.keepMine()}>
            {t("Keep mine")}
          </Button>
        </>
      }
    >
      <div className="stack">
        <p>
          {t(
            "It was saved at {time}. Yours is kept in this browser until you decide. This is what yours does differently:",
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
