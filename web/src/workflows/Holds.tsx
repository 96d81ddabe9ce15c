import { Suspense, lazy, useState } from "react";
import type { Pause } from "../api/schema";
import { api, useMay } from "../api/session";
import { t } from "../locale/locale";
import type { MenuItem } from "../shell/ui/Menu";
import { Menu } from "../shell/ui/Menu";
import { useBusy } from "../shell/useBusy";

const PauseDialog = lazy(() => import("./PauseDialog").then((module) => ({ default: module.PauseDialog })));

interface HoldsProps {
  /** `null` for all of them. */
  readonly workflowId: string | null;
  readonly pauses: readonly Pause[];
  readonly onChange: () => void;
  /** What else is in the menu, before it and behind it. */
  readonly further?: readonly MenuItem[];
  readonly last?: readonly MenuItem[];
}

const NOTHING: readonly MenuItem[] = [];

/** Pausing freezes the runs there are, or cancels them; draining lets them come to their end. Both keep new ones away. */
export function Holds(props: HoldsProps): React.JSX.Element | null {
  const { workflowId, pauses, onChange, further = NOTHING, last = NOTHING } = props;
  const [isPausing, setPausing] = useState(false);
  const [, begin] = useBusy();
  const mayPause = useMay("workflows:pause");
  if (!mayPause && further.length + last.length === 0) return null;
  const holds = holdsOf(pauses, workflowId).map(({ hold }) => hold);
  const send = (what: "resume" | "drain" | "undrain") => (): void =>
    begin(() => api.hold(workflowId, what, what === "drain" ? {} : undefined).finally(onChange));
  const pause: MenuItem = holds.includes("pause")
    ? { label: t("Resume"), icon: "play", onSelect: send("resume") }
    : { label: t("Pause…"), icon: "pause", onSelect: () => setPausing(true) };
  const drain: MenuItem = holds.includes("drain")
    ? { label: t("Stop draining"), icon: "play", onSelect: send("undrain") }
    : { label: t("Drain: finish its runs"), icon: "filter", onSelect: send("drain") };
  return (
    <>
      <Menu
        label={t("More for {name}", { name: workflowId ?? t("all workflows") })}
        icon="dots"
        items={[...further, ...(mayPause ? [pause, drain] : []), ...last]}
      />
      {isPausing && (
        <Suspense>
          <PauseDialog workflowId={workflowId} onClose={() => setPausing(false)} onDone={onChange} />
        </Suspense>
      )}
    </>
  );
}

/** The pauses and drains of one workflow, or of everything of the tenant. */
export function holdsOf(pauses: readonly Pause[], workflowId: string | null): readonly Pause[] {
  return pauses.filter((pause) => pause.workflow_id === workflowId && !pause.is_for_everyone);
}

/** The tag of a pause or drain; who did it, and why, is shown when one points at it. */
export function HoldTag({ pause: { hold, reason, actor } }: { readonly pause: Pause }): React.JSX.Element {
  const why = [reason, actor].filter((each) => each !== null).join(" — ");
  return (
    <span className="tag tag-warn" title={why === "" ? undefined : why}>
      {hold === "pause" ? t("paused") : t("draining")}
    </span>
  );
}
