import type { IconName } from "../shell/ui/Icon";
import { Icon } from "../shell/ui/Icon";
import { fullTime } from "../shell/times";
import type { SaveState } from "./saving";
import { useEditor } from "./store";
import { t } from "../locale/locale";

/** Whether the server has what is on the screen. */
export function SaveStatus(): React.JSX.Element {
  const save = useEditor((state) => state.save);
  const { icon, text, hint } = shown(save);
  return (
    <span
      className={`save-state save-${save.kind}`}
      data-testid="save-state"
      data-state={save.kind}
      role="status"
      title={hint}
    >
      <Icon name={icon} />
      <span className="save-text">{text}</span>
    </span>
  );
}

function shown(save: SaveState): { icon: IconName; text: string; hint: string } {
  switch (save.kind) {
    case "saved":
      return {
        icon: "check",
        text: t("Saved"),
        hint: t("The draft was saved at {time}.", { time: fullTime(save.at) }),
      };
    case "unsaved":
      return {
        icon: "pencil",
        text: t("Unsaved"),
        hint: t("Your changes are kept in this browser and saved in a moment."),
      };
    case "saving":
      return { icon: "cloud", text: t("Saving…"), hint: t("Your changes are being saved.") };
    case "offline":
      return {
        icon: "alert",
        text: t("Not saved, trying again"),
        hint: `${save.reason} ${t("Your changes are kept in this browser.")}`,
      };
    case "refused":
      return { icon: "alert", text: t("Not saved"), hint: save.reason };
    case "conflict":
      return { icon: "alert", text: t("Changed elsewhere"), hint: t("Somebody else has saved this draft.") };
  }
}
