/** `npm run view`: the reader of profiles as one file, `docs/view/index.html`, which asks nothing of any network. */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { viewPage } from "../view/page.ts";
import { isProgram } from "./tool.ts";

/** The whole file. @throws Error where the program cannot be bundled, or needs anything of Node */
export async function view(): Promise<string> {
  const { outputFiles, warnings } = await build({
    entryPoints: [fileURLToPath(new URL("../view/view.ts", import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    platform: "browser",
    format: "iife",
    target: "es2023",
  });
  if (warnings.length > 0) throw new Error(warnings.map(({ text }) => text).join("\n"));
  // Inside an element of script, that would begin a comment that hides the end of it.
  return viewPage(outputFiles[0].text.trim().replaceAll("<!--", "<\\!--"));
}

if (isProgram(import.meta.url)) {
  const folder = new URL("../docs/view/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL("index.html", folder), await view());
  process.stdout.write("wrote docs/view/index.html\n");
}
