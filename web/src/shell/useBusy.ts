/** Something that is being done: one thing at a time, and what goes wrong is told in a notice. */

import { useState } from "react";
import { asApiError } from "../api/useLoaded";
import { notify } from "./notices";

/** Whether work goes on, and how to begin some. */
export function useBusy(): readonly [boolean, (work: () => Promise<unknown>) => void] {
  const [isBusy, setBusy] = useState(false);
  const begin = (work: () => Promise<unknown>): void => {
    setBusy(true);
    work()
      .catch((reason: unknown) => notify(asApiError(reason).message, "error"))
      .finally(() => setBusy(false));
  };
  return [isBusy, begin];
}
