import { useState } from "react";
import { laterDialog } from "./later";
import type { Permission } from "../api/session";
import { isHosted, root, useSession } from "../api/session";
import type { Message } from "../locale/locale";
import { t, withPageWords } from "../locale/locale";
import { pathTo } from "./routes";
import type { ThemeChoice } from "./theme";
import { useTheme } from "./theme";
import { IconButton } from "./ui/Button";
import type { IconName } from "./ui/Icon";
import { Icon } from "./ui/Icon";
import { Link } from "./ui/Link";

const AccountDialog = laterDialog(() =>
  withPageWords(() => import("../login/AccountDialog")).then((module) => module.AccountDialog),
);

interface Section {
  readonly name: string;
  readonly label: Message;
  readonly icon: IconName;
  /** What it shows nothing without. */
  readonly needs: Permission;
}

const SECTIONS: readonly Section[] = [
  { name: "workflows", label: "Workflows", icon: "workflow", needs: "workflows:read" },
  { name: "runs", label: "Runs", icon: "list", needs: "runs:read" },
  { name: "events", label: "Events", icon: "bolt", needs: "runs:read" },
  { name: "approvals", label: "Approvals", icon: "circleCheck", needs: "approvals:read" },
  { name: "functions", label: "Functions", icon: "braces", needs: "workflows:read" },
  { name: "alerts", label: "Alerts", icon: "bell", needs: "alerts:read" },
  { name: "secrets", label: "Secrets", icon: "lock", needs: "secrets:read" },
  { name: "webhooks", label: "Webhooks", icon: "link", needs: "webhooks:read" },
  { name: "workers", label: "Workers", icon: "pulse", needs: "system:read" },
  { name: "users", label: "Users", icon: "user", needs: "users:admin" },
  // Where there are users, their page leads to it.
  { name: "audit", label: "Audit", icon: "history", needs: "audit:read" },
];

interface ThemeButton {
  /** What pressing it leads to. */
  readonly choice: ThemeChoice;
  /** What is chosen now. */
  readonly label: Message;
  readonly icon: IconName;
}

const NEXT_THEME: Record<ThemeChoice, ThemeButton> = {
  system: { choice: "light", label: "Theme: system", icon: "monitor" },
  light: { choice: "dark", label: "Theme: light", icon: "sun" },
  dark: { choice: "system", label: "Theme: dark", icon: "moon" },
};

/** The narrow bar with the sections of the application. */
export function Rail({ section }: { readonly section: string }): React.JSX.Element {
  const { choice, choose } = useTheme();
  const state = useSession((session) => session.state);
  const [isAccountOpen, setAccountOpen] = useState(false);
  const hidden = isHosted(state) ? "users" : "audit";
  const sections = SECTIONS.filter(
    ({ name, needs }) => name !== hidden && (state === undefined || state.permissions.includes(needs)),
  );
  const who = state?.display_name ?? state?.kind ?? "unknown";
  return (
    <nav className="rail" aria-label={t("Sections")}>
      <span className="rail-mark" aria-hidden="true">
        <Icon name="workflow" size={20} />
      </span>
      {sections.map(({ name, label, icon }) => (
        <Link
          key={name}
          className="rail-link"
          href={pathTo(name)}
          title={t(label)}
          aria-current={name === section ? "page" : undefined}
        >
          <Icon name={icon} size={20} />
          <span>{t(label)}</span>
        </Link>
      ))}
      <span className="rail-space" />
      <IconButton
        icon={NEXT_THEME[choice].icon}
        label={t(NEXT_THEME[choice].label)}
        testId="theme"
        onClick={() => choose(NEXT_THEME[choice].choice)}
      />
      <a
        className="icon-button rail-docs"
        href={`${root}/api/docs`}
        aria-label={t("API documentation")}
        title={t("API documentation")}
      >
        <Icon name="code" size={18} />
      </a>
      <button
        type="button"
        className="rail-who"
        aria-label={t("You: {name}", { name: who })}
        title={who}
        data-testid="account-button"
        data-initials={who.slice(0, 2).toUpperCase()}
        onClick={() => setAccountOpen(true)}
      />
      {isAccountOpen && <AccountDialog onClose={() => setAccountOpen(false)} />}
    </nav>
  );
}
