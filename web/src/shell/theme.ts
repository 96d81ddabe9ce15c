/** Light or dark: as the system says, unless somebody has chosen. */

import { create } from "zustand";

export type ThemeChoice = "system" | "light" | "dark";

const STORAGE_KEY = "workflowkit.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

interface Theme {
  readonly choice: ThemeChoice;
  readonly isDark: boolean;
  readonly choose: (choice: ThemeChoice) => void;
}

function stored(): ThemeChoice {
  try {
    const value = localStorage.getItem(STORAGE_KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system"; // the browser allows no storage here
  }
}

function isDark(choice: ThemeChoice): boolean {
  return choice === "system" ? system.matches : choice === "dark";
}

export const useTheme = create<Theme>((set) => ({
  choice: stored(),
  isDark: isDark(stored()),
  choose: (choice) => {
    localStorage.setItem(STORAGE_KEY, choice);
    set({ choice, isDark: isDark(choice) });
  },
}));

/** Takes a theme from a host's page, without keeping it. */
export function takeTheme(choice: ThemeChoice): void {
  useTheme.setState({ choice, isDark: isDark(choice) });
}

function apply({ isDark: dark }: Theme): void {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}

/** Keeps the page in the theme; call it once, before anything is drawn. */
export function startTheme(): void {
  apply(useTheme.getState());
  useTheme.subscribe(apply);
  followSystem();
}

/** Changes with the system, as long as nobody has chosen. */
export function followSystem(): void {
  system.addEventListener("change", () => {
    const { choice } = useTheme.getState();
    useTheme.setState({ isDark: isDark(choice) });
  });
}
