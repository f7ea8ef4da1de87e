/**
 * `npm run verify:lm-eval`: against the harness itself where `LM_EVAL_PYTHON` names a Python that has it, and without.
 */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { verifyLmEval } from "../scripts/verify-lm-eval.ts";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { fixture } from "../src/fixtures.testing.ts";

const at = temporaryFolder();
const python = process.env.LM_EVAL_PYTHON;

describe("verify:lm-eval", () => {
  it("says that it skips where there is no harness", async () => {
    const said: string[] = [];
    const request = {
      python: process.execPath,
      model: "",
      text: [],
      types: [],
      print: (line: string) => void said.push(line),
    };
    expect(await verifyLmEval(request)).toBeNull();
    expect(said.join()).toMatch(/^skipped: .* has no lm-evaluation-harness \(pip install/);
  });

  it.skipIf(python === undefined)("agrees with the harness (needs LM_EVAL_PYTHON)", { timeout: 300_000 }, async () => {
    writeFileSync(at("text.txt"), "The river came down in the night.\n<bos> a <eos> and  two spaces, é 日本");
    for (const name of ["bos", "bos-eos", "named-bos", "eos-only"]) {
      const print = (line: string) => console.log(line);
      const model = fixture(`lm-eval/${name}`);
      expect(await verifyLmEval({ python: python!, model, text: [at("text.txt")], types: [], print })).toBeLessThan(
        1e-6,
      );
    }
  });
});
