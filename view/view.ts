/**
 * What the reader of profiles does: takes files that are dropped or chosen, draws each as its report and those of one text
 * beside each other, in a frame that has neither this page's origin nor its own. Nothing is kept and nothing is sent.
 */
import { compare } from "../src/atlas/compare.ts";
import { labelsOf, type Named } from "../src/atlas/text.ts";
import { sizeText } from "../src/numeric/amounts.ts";
import { LossyscopeError } from "../src/numeric/errors.ts";
import type { Profile } from "../src/profile/profile.ts";
import { isTrajectory, parseDocument } from "../src/profile/read.ts";
import type { Trajectory } from "../src/profile/trajectory.ts";
import { comparisonPage } from "../src/report/atlas/pages.ts";
import { documentPage } from "../src/report/document.ts";
import { visible } from "../src/report/format.ts";

/** Bytes of a file at most: a profile with all its text takes a hundredth. */
const MOST_BYTES = 2 ** 28;

/** Something to look at. */
interface Sheet {
  readonly label: string;
  readonly draw: () => string;
}

interface Read {
  readonly file: string;
  readonly document: Profile | Trajectory;
}

const all = <T extends Element>(selector: string): T[] => [...document.querySelectorAll<T>(selector)];
const one = <T extends Element>(selector: string): T => document.querySelector<T>(selector)!;

const frame = one<HTMLIFrameElement>("iframe");
const list = one<HTMLUListElement>(".bar ul");
const read: Read[] = [];
const buttons = new Map<HTMLButtonElement, Sheet>();
let shown: { readonly label: string; readonly html: string } | null = null;

const said = (error: unknown): string =>
  visible(error instanceof LossyscopeError ? error.message : `this is a defect of the tool: ${error}`);

function complain(faults: readonly string[]): void {
  for (const place of all("[role=alert]")) place.textContent = faults.join("\n");
}

async function readFile(file: File): Promise<Read> {
  if (file.size > MOST_BYTES)
    throw new LossyscopeError(
      "input",
      `${file.name} takes ${sizeText(file.size)}, at most ${sizeText(MOST_BYTES)} are read here`,
      "draw it with `lossyscope report`",
    );
  return { file: file.name, document: parseDocument(await file.text(), file.name) };
}

function sheets(): Sheet[] {
  const named = read.flatMap(({ file, document }): Named[] =>
    isTrajectory(document) ? [] : [{ file, profile: document }],
  );
  const labels = labelsOf(named);
  const own = read.map(({ document }): Sheet => {
    const place = named.findIndex(({ profile }) => profile === document);
    const label = isTrajectory(document) ? `${document.run.name}, trajectory` : labels[place];
    return { label, draw: () => documentPage(document) };
  });
  if (named.length < 2) return own;
  const draw = (): string =>
    comparisonPage(
      compare(named, { seed: 0, common: false }),
      named.map(({ profile }) => profile),
    );
  return [...own, { label: "Side by side", draw }];
}

/** @returns whether it could be drawn */
function show(sheet: Sheet): boolean {
  try {
    shown = { label: sheet.label, html: sheet.draw() };
  } catch (error) {
    complain([said(error)]);
    return false;
  }
  complain([]);
  document.body.classList.add("reading");
  frame.srcdoc = shown.html;
  frame.title = `report: ${sheet.label}`;
  document.title = `${sheet.label}: lossyscope`;
  for (const button of all("li button"))
    button.setAttribute("aria-pressed", String(button.textContent === sheet.label));
  return true;
}

function listSheets(): Sheet[] {
  const found = sheets();
  buttons.clear();
  list.replaceChildren(
    ...found.map((sheet) => {
      const [item, button] = [document.createElement("li"), document.createElement("button")];
      button.type = "button";
      button.textContent = sheet.label;
      button.addEventListener("click", () => show(sheet));
      buttons.set(button, sheet);
      item.append(button);
      return item;
    }),
  );
  return found;
}

async function take(files: Iterable<File>): Promise<void> {
  const faults: string[] = [];
  const before = read.length;
  for (const file of files)
    await readFile(file).then(
      (found) => read.push(found),
      (error) => faults.push(said(error)),
    );
  if (read.length > before) {
    const found = listSheets();
    const compared = read.length - before > 1 && found.length > read.length ? found[read.length] : found[before];
    if (!show(compared)) show(found[before]);
  }
  if (faults.length > 0) complain(faults);
}

for (const input of all<HTMLInputElement>("input[type=file]"))
  input.addEventListener("change", async () => {
    await take([...(input.files ?? [])]);
    input.value = "";
  });

for (const kind of ["dragenter", "dragover"])
  addEventListener(kind, (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  });
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) document.body.classList.remove("over");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  void take([...(event.dataTransfer?.files ?? [])]);
});

one("#save").addEventListener("click", () => {
  if (!shown) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([shown.html], { type: "text/html;charset=utf-8" }));
  link.download = `${shown.label.replace(/[^\p{L}\p{N}.]+/gu, "-").slice(0, 80)}.html`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
});
