/** The three sentences of stories260k whose bits per byte other people's code computed, through the whole measurement. */
import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { hasShared, shared } from "../fixtures.testing.ts";
import { SILENT } from "../ports/progress.ts";
import { openModel } from "../references/open.ts";
import { renderTerminal } from "../report/terminal.ts";
import { measure } from "./measure.ts";
import { validatePlan } from "./plan.ts";

interface Sentence {
  readonly text: string;
  readonly n_tokens: number;
  readonly total_nll_nats: number;
  readonly utf8_bytes: number;
  readonly bits_per_byte: number;
}

/** Float32 sums of about 40 losses: the fixtures' own float32 run differs by up to 1e-5 nats a token. */
const NATS = 5e-4;

describe.skipIf(!hasShared)("stories260k on its golden sentences (needs ../shared)", () => {
  const folder = temporaryFolder();

  it("comes to the published bits per byte, in the profile and in the terminal", async () => {
    const golden = JSON.parse(await readFile(shared("models/stories260k/golden.json"), "utf8"));
    const sentences: readonly Sentence[] = golden.sentences;
    const model = await openModel(shared("models/stories260k"), { offline: true, onDownload: () => {} });
    for (const sentence of sentences) {
      const path = folder("sentence.txt");
      await writeFile(path, sentence.text);
      const { profile } = await measure({
        model,
        plan: validatePlan({ text: [{ path }], plane: null, geometry: false, baselines: false }),
        points: null,
        threads: 1,
        work: folder("work"),
        resume: false,
        progress: SILENT,
      });
      const { bytes, tokens, nats, bitsPerByte } = profile.coding!.overall;
      expect(bytes).toBe(sentence.utf8_bytes);
      expect(tokens).toBe(sentence.n_tokens - 1);
      expect(Math.abs(nats - sentence.total_nll_nats)).toBeLessThan(NATS);
      expect(Math.abs(bitsPerByte.value! - sentence.bits_per_byte)).toBeLessThan(NATS / Math.LN2 / bytes);
      const shown = renderTerminal(profile, { width: 80, colour: false, unicode: true });
      expect(shown.replace(/\s+/g, " ")).toContain(`${sentence.bits_per_byte.toPrecision(3)} bits for each byte`);
    }
  });
});
