// Draws the report of a profile in a browser: what a reader chooses is read, checked and drawn here, and sent nowhere.
import { parseProfile } from "lossyscope/profile";
import { renderReport } from "lossyscope/report";

const input = /** @type {HTMLInputElement} */ (document.querySelector("input"));
const status = /** @type {HTMLElement} */ (document.querySelector("p"));
const frame = /** @type {HTMLIFrameElement} */ (document.querySelector("iframe"));

input.addEventListener("change", async () => {
  const [file] = input.files ?? [];
  if (!file) return;
  try {
    frame.srcdoc = renderReport(parseProfile(await file.text(), file.name));
    status.textContent = "";
  } catch (error) {
    status.textContent = String(error);
  }
});
