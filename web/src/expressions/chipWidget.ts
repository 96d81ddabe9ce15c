/** A chip as it is drawn in the place of a reference. */

import type { EditorView } from "@codemirror/view";
import { WidgetType } from "@codemirror/view";
import { direction, listed, t } from "../locale/locale";
import { iconPath } from "../shell/ui/Icon";
import type { Chip } from "./chips";
import { shortened } from "./chips";

const SVG = "http://www.w3.org/2000/svg";
export const CHIP_CLASS = "reference-chip";

export class ChipWidget extends WidgetType {
  /** All that is seen of it. */
  private readonly look: string;

  constructor(
    private readonly chip: Chip,
    private readonly source: string,
    private readonly isSelected: boolean,
  ) {
    super();
    this.look = JSON.stringify([chip.icon, chip.parts, chip.problem, source]);
  }

  override eq(other: ChipWidget): boolean {
    return other.look === this.look && other.isSelected === this.isSelected;
  }

  override toDOM(): HTMLElement {
    const { icon, parts, problem } = this.chip;
    const element = document.createElement("span");
    element.className = problem === undefined ? CHIP_CLASS : `${CHIP_CLASS} ${CHIP_CLASS}-broken`;
    element.dir = direction();
    element.dataset.look = this.look;
    element.title = problem ?? this.source;
    element.setAttribute("role", "img");
    element.setAttribute("aria-roledescription", t("Reference"));
    element.setAttribute("aria-label", chipName(this.chip));
    element.append(drawing(problem === undefined ? iconPath(icon) : iconPath("alert")));
    shortened(parts).forEach((part, index) => {
      if (index > 0) element.append(separator());
      const name = document.createElement("bdi");
      name.textContent = part;
      element.append(name);
    });
    this.select(element);
    return element;
  }

  /** Selecting it changes nothing but its frame. */
  override updateDOM(element: HTMLElement, _view: EditorView): boolean {
    if (element.dataset.look !== this.look) return false;
    this.select(element);
    return true;
  }

  /** A click opens it. */
  override ignoreEvent(): boolean {
    return false;
  }

  private select(element: HTMLElement): void {
    element.classList.toggle(`${CHIP_CLASS}-selected`, this.isSelected);
  }
}

/** What is read out of a chip. */
export function chipName({ parts, problem }: Chip): string {
  return problem === undefined ? listed(parts) : `${listed(parts)}: ${problem}`;
}

function separator(): HTMLElement {
  const element = document.createElement("span");
  element.className = `${CHIP_CLASS}-separator`;
  element.textContent = "›";
  return element;
}

function drawing(path: string): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}
