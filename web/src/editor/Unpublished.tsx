import { useDeferredValue, useEffect, useMemo, useState } from "react";
import { api } from "../api/session";
import type { Json } from "../base/json";
import { isEqual } from "../base/json";
import { toJson } from "../document/read";
import type { WorkflowDocument } from "../document/types";
import { prepare } from "./prepare";
import { useDocument, useEditor, useHost } from "./store";
import { t } from "../locale/locale";

interface Published {
  readonly version: number;
  readonly document: Json;
}

/** Says so where the draft is not what is live. */
export function Unpublished({ version }: { readonly version: number }): React.JSX.Element | null {
  if (!useUnpublished(version)) return null;
  return (
    <span
      className="tag topbar-unpublished"
      title={t("New runs do not know what you have changed since: publish it.")}
      data-testid="unpublished"
    >
      {t("Unpublished changes")}
    </span>
  );
}

/** Whether the draft does something else than the version that is live; `false` while nobody knows. */
function useUnpublished(version: number): boolean {
  const workflowId = useEditor((state) => state.workflowId);
  const { isEmbedded } = useHost();
  const draft = useDeferredValue(useDocument());
  const [published, setPublished] = useState<Published | undefined>(undefined);
  useEffect(() => {
    let isWanted = true;
    if (isEmbedded) return undefined;
    api.version(workflowId, version).then(
      ({ document }) => isWanted && setPublished({ version, document: comparable(prepare(document)) }),
      () => undefined, // then it is not told
    );
    return () => {
      isWanted = false;
    };
  }, [workflowId, version, isEmbedded]);
  return useMemo(
    () => published !== undefined && published.version === version && !isEqual(comparable(draft), published.document),
    [draft, published, version],
  );
}

/** Without what runs do not see: places of steps, notes, and groups. */
function comparable(document: WorkflowDocument): Json {
  const { metadata: _, ...rest } = document;
  return toJson(rest);
}
