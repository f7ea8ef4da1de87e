/** `npm run bench -- NAME […]`: runs one of the benchmarks beside this file, or says which there are. */
import { readdirSync } from "node:fs";

const NOT_RUN = ["run.ts", "shapes.ts", "peers.ts", "report.ts", "gguf-writer.ts", "llama.ts"];

const names = readdirSync(new URL(".", import.meta.url))
  .filter((file) => file.endsWith(".ts") && !NOT_RUN.includes(file))
  .map((file) => file.replace(/\.ts$/, ""));
const [name] = process.argv.splice(2, 1);
if (!names.includes(name)) {
  console.error(`npm run bench -- NAME, where NAME is one of ${names.join(", ")}`);
  process.exitCode = 2;
} else {
  await import(`./${name}.ts`);
}
