/** Drawings of 24 by 24, made of lines in the colour of the text. */

const PATHS = {
  alert: "M12 9v4m0 4h.01M10.3 3.9 2.4 17.5A2 2 0 0 0 4.1 20.5h15.8a2 2 0 0 0 1.7-3L13.7 3.9a2 2 0 0 0-3.4 0Z",
  arrowLeft: "M19 12H5m6-6-6 6 6 6",
  bell: "M6 16.500V11a6 6 0 0 1 12 0v5.500l1.500 1.500h-15L6 16.500Zm4 4.500h4",
  bolt: "M13 3 5 13.5h6L10.5 21 19 10.5h-6L13 3Z",
  branch: "M6 4v7a4 4 0 0 0 4 4h8m-4-4 4 4-4 4M6 11a4 4 0 0 1 4-4h8m-4-4 4 4-4 4",
  braces:
    "M8 4H7a2 2 0 0 0-2 2v4a2 2 0 0 1-2 2 2 2 0 0 1 2 2v4a2 2 0 0 0 2 2h1m8-16h1a2 2 0 0 1 2 2v4a2 2 0 0 0 2 2 2 2 0 0 0-2 2v4a2 2 0 0 1-2 2h-1",
  check: "m5 12.5 4.5 4.5L19 7.5",
  chevronDown: "m6 9 6 6 6-6",
  chevronRight: "m9 6 6 6-6 6",
  circleCheck: "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Zm-12.5.2 2.4 2.4 4.8-5",
  clock: "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Zm-9-5v5l3.2 2",
  cloud: "M7 18.5a4.5 4.5 0 0 1-.6-8.96 6 6 0 0 1 11.4 1.1A4 4 0 0 1 17.5 18.5H7Z",
  code: "m8 7-5 5 5 5m8-10 5 5-5 5",
  copy: "M9 9h10a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H9a1 1 0 0 1-1-1V10a1 1 0 0 1 1-1ZM5 15H4a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1h10a1 1 0 0 1 1 1v1",
  dots: "M12 5.2a.7.7 0 1 0 .01 0ZM12 11.300a.7.7 0 1 0 .01 0ZM12 17.400a.7.7 0 1 0 .01 0Z",
  download: "M12 4v11m-5-4.5 5 5 5-5M4 20h16",
  filter: "M4 5h16l-6.500 7.500V19l-3-1.500v-5L4 5Z",
  fit: "M4 9V5a1 1 0 0 1 1-1h4m6 0h4a1 1 0 0 1 1 1v4m0 6v4a1 1 0 0 1-1 1h-4m-6 0H5a1 1 0 0 1-1-1v-4",
  globe:
    "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0ZM3.5 9h17m-17 6h17M12 3c2.4 2.5 3.6 5.5 3.6 9S14.4 18.500 12 21c-2.400-2.500-3.600-5.500-3.600-9S9.600 5.500 12 3Z",
  help: "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Zm-11.500-2.500a2.500 2.500 0 1 1 3.400 2.300c-.600.200-.900.700-.900 1.300v.400m0 3h.01",
  history: "M3.500 8A9 9 0 1 1 3 12m.500-8v4h4M12 7.500V12l3 2",
  link: "M10 14a4 4 0 0 0 5.700.300l3-3a4 4 0 0 0-5.700-5.700l-1.500 1.500M14 10a4 4 0 0 0-5.700-.300l-3 3a4 4 0 0 0 5.700 5.700l1.500-1.500",
  list: "M9 6h11M9 12h11M9 18h11M4.500 6h.01M4.500 12h.01M4.500 18h.01",
  lock: "M6 11h12a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1Zm2 0V8a4 4 0 0 1 8 0v3",
  log: "M7 3h7l4 4v13a1 1 0 0 1-1 1H7a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1Zm2.500 9h5m-5 4h5",
  loop: "M4 12a6 6 0 0 1 6-6h8m-3-3 3 3-3 3m5 3a6 6 0 0 1-6 6H6m3 3-3-3 3-3",
  mail: "M4 6h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1Zm-.500 1 8.500 6.500L20.500 7",
  minus: "M5 12h14",
  monitor: "M4 5h16a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1Zm4 15h8m-4-4v4",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500Z",
  group:
    "M4 8V5a1 1 0 0 1 1-1h3m8 0h3a1 1 0 0 1 1 1v3m0 8v3a1 1 0 0 1-1 1h-3m-8 0H5a1 1 0 0 1-1-1v-3m4.500-7.500h7v7h-7v-7Z",
  note: "M5 4h14a1 1 0 0 1 1 1v9l-6 6H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1Zm15 10h-5a1 1 0 0 0-1 1v5",
  pause: "M9 5v14m6-14v14",
  pencil:
    "m4 20 .800-4L16 4.800a1.500 1.500 0 0 1 2.100 0l1.100 1.100a1.500 1.500 0 0 1 0 2.100L8 19.200 4 20Zm10-13 3 3",
  play: "M8 5.500v13l10.500-6.500L8 5.500Z",
  plus: "M12 5v14m-7-7h14",
  pulse: "M3 12h4l3-7.500 4 15 3-7.500h4",
  redo: "M20 9H9a5 5 0 0 0 0 10h4m7-10-4-4m4 4-4 4",
  search: "M18 11a7 7 0 1 1-14 0 7 7 0 0 1 14 0Zm3 10-5-5",
  settings:
    "M4 7h9m4 0h3M4 17h3m4 0h9M15 4.500a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5Zm-6 10a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5Z",
  signpost: "M12 3v18M5 5h11l3 2.500L16 10H5V5Zm14 8H8l-3 2.500L8 18h11v-5Z",
  sparkle: "M12 3.500 13.800 9 19 11l-5.200 2L12 18.500 10.200 13 5 11l5.200-2L12 3.500Z",
  split:
    "M6 4v4a4 4 0 0 0 4 4h4a4 4 0 0 1 4 4v4m-12 0v-4m0 4-2.500-2.500M6 20l2.500-2.500M18 20l-2.500-2.500M18 20l2.500-2.500",
  stop: "M7 6h10a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H7a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1Z",
  sun: "M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0ZM12 3v1.500m0 15V21m9-9h-1.500m-15 0H3m15.400-6.400-1.100 1.100M6.700 17.300l-1.100 1.100m12.800 0-1.100-1.100M6.700 6.700 5.600 5.600",
  tidy: "M9.500 3.500h5v4h-5v-4Zm-6 13h5v4h-5v-4Zm12 0h5v4h-5v-4ZM12 7.500V12m-6 4.500V13a1 1 0 0 1 1-1h10a1 1 0 0 1 1 1v3.500",
  trash: "M5 7h14m-9-3h4m-7 3 .800 12a1 1 0 0 0 1 1h6.400a1 1 0 0 0 1-1L17 7",
  undo: "M4 9h11a5 5 0 0 1 0 10h-4M4 9l4-4M4 9l4 4",
  upload: "M12 15V4m-5 4.500 5-5 5 5M4 20h16",
  user: "M16 8a4 4 0 1 1-8 0 4 4 0 0 1 8 0ZM4.500 20a7.500 7.500 0 0 1 15 0",
  workflow: "M4 4h6v6H4V4Zm10 10h6v6h-6v-6ZM7 10v3a4 4 0 0 0 4 4h3",
  x: "m6 6 12 12M18 6 6 18",
} as const;

export type IconName = keyof typeof PATHS;

/** What points to where reading goes on, or comes from. */
const TURNED: ReadonlySet<IconName> = new Set(["arrowLeft", "chevronRight"]);

export function isIconName(name: string | null | undefined): name is IconName {
  return typeof name === "string" && Object.hasOwn(PATHS, name);
}

/** A drawing, for what is no part of a React page. */
export function iconPath(name: IconName): string {
  return PATHS[name];
}

export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }): React.JSX.Element {
  return (
    <svg
      className={TURNED.has(name) ? "icon icon-turned" : "icon"}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
