import { root } from "../api/session";
import { pathTo } from "./routes";
import type { ThemeChoice } from "./theme";
import { useTheme } from "./theme";
import { IconButton } from "./ui/Button";
import type { IconName } from "./ui/Icon";
import { Icon } from "./ui/Icon";
import { Link } from "./ui/Link";

const SECTIONS: readonly { readonly name: string; readonly label: string; readonly icon: IconName }[] = [
  { name: "workflows", label: "Workflows", icon: "workflow" },
  { name: "runs", label: "Runs", icon: "list" },
  { name: "events", label: "Events", icon: "bolt" },
  { name: "approvals", label: "Approvals", icon: "user" },
  { name: "functions", label: "Functions", icon: "braces" },
  { name: "alerts", label: "Alerts", icon: "bell" },
  { name: "workers", label: "Workers", icon: "pulse" },
];

const NEXT_THEME: Record<ThemeChoice, { readonly choice: ThemeChoice; readonly icon: IconName }> = {
  system: { choice: "light", icon: "monitor" },
  light: { choice: "dark", icon: "sun" },
  dark: { choice: "system", icon: "moon" },
};

/** The narrow bar with the sections of the application. */
export function Rail({ section }: { readonly section: string }): React.JSX.Element {
  const { choice, choose } = useTheme();
  return (
    <nav className="rail" aria-label="Sections">
      <span className="rail-mark" aria-hidden="true">
        <Icon name="workflow" size={20} />
      </span>
      {SECTIONS.map(({ name, label, icon }) => (
        <Link key={name} className="rail-link" href={pathTo(name)} aria-current={name === section ? "page" : undefined}>
          <Icon name={icon} size={20} />
          <span>{label}</span>
        </Link>
      ))}
      <span className="rail-space" />
      <IconButton
        icon={NEXT_THEME[choice].icon}
        label={`Theme: ${choice}`}
        testId="theme"
        onClick={() => choose(NEXT_THEME[choice].choice)}
      />
      <a className="icon-button" href={`${root}/api/docs`} aria-label="API documentation" title="API documentation">
        <Icon name="code" size={18} />
      </a>
    </nav>
  );
}
