/** Documents as files: downloading one, and reading one that somebody chooses. */

import type { Json } from "../base/json";

export function downloadJson(fileName: string, value: Json): void {
  const url = URL.createObjectURL(new Blob([`${JSON.stringify(value, null, 2)}\n`], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = fileName;
  link.click();
  URL.revokeObjectURL(url);
}

/** The text of a file that somebody chooses; never resolves, if nobody does. */
export function chooseFile(): Promise<string> {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = ".json,application/json";
  input.dataset.testid = "import-file";
  input.hidden = true;
  document.body.append(input);
  return new Promise<string>((resolve, reject) => {
    input.addEventListener("change", () => {
      const [file] = input.files ?? [];
      if (file !== undefined) file.text().then(resolve, reject);
      input.remove();
    });
    input.addEventListener("cancel", () => input.remove());
    input.click();
  });
}
