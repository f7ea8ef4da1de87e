import { describe, expect, it } from "vitest";
import type { Interval } from "../../profile/figures.ts";
import { type Profile, profileSchema } from "../../profile/profile.ts";
import type { Recall } from "../../profile/recall.ts";
import { renderReport } from "../html.ts";
import { withoutPaths } from "../paths.ts";
import { sampleProfile } from "../sample.testing.ts";
import { renderTerminal } from "../terminal.ts";
import { recallSection } from "./recall.ts";

const around = (value: number): Interval => ({ value, low: value - 0.02, high: value + 0.02 });
const none: Interval = { value: null, low: null, high: null };
const group = { passages: 20, exact: around(0.2), memorised: around(0.15) };

const RECALL: Recall = {
  passages: 40,
  documents: 20,
  length: 32,
  skipped: { documents: 3, tokens: 64 },
  memorised: around(0.15),
  control: { source: "unseen", bytes: 5000 },
  verbatim: [16, 32].map((prefix) => ({
    prefix,
    exact: around(0.2),
    memorised: around(0.15),
    commonPrefix: around(0.4),
    editDistance: around(0.5),
    guess: { exact: around(0.05), commonPrefix: around(0.1) },
  })),
  places: [{ place: "start", ...group }],
  exposures: [
    { from: 1, to: 1, ...group },
    { from: 2, to: 3, ...group },
  ],
  repeats: [{ from: 1, to: 1, ...group }],
  gist: {
    all: { passages: 40, truth: around(0.7), control: around(0.5), difference: around(0.2) },
    inexact: { passages: 32, truth: around(0.6), control: around(0.5), difference: around(0.1) },
  },
  membership: {
    seen: { documents: 20, bytes: 9000, bitsPerByte: around(1) },
    unseen: { documents: 20, bytes: 9000, bitsPerByte: around(1.1) },
    gap: { value: -0.1, low: -0.13, high: -0.07 },
    auc: { loss: around(0.7), minK: around(0.72), lossPerDeflate: around(0.69) },
    blind: around(0.52),
    shared: 2,
    warning: null,
  },
  samples: [
    {
      document: 0,
      token: 32,
      prompt: "see /home/someone/notes \u202e<script>",
      truth: "the same <b>truth</b>\u0007",
      came: "the same <i>lie</i>\u2066",
      exact: false,
      guessable: false,
      exposures: 4,
      repeats: 2,
    },
  ],
  interval: { level: 0.95, resamples: 2000, unit: "document", units: 20, absent: null },
};

const profile = (recall: Recall | null | undefined): Profile => ({ ...sampleProfile(), recall });
const bodyOf = (recall: Recall): string => recallSection(profile(recall))!.body;

describe("recall in the report", () => {
  it("is a section where it was asked for, and says why where it could not be", () => {
    expect(profileSchema.parse(profile(RECALL)).recall).toEqual(RECALL);
    expect(recallSection(profile(undefined))).toBeNull();
    const refused = { ...profile(null), refusals: [{ figure: "recall", reason: "the longest document has 9 tokens" }] };
    expect(recallSection(refused)!.body).toContain("the longest document has 9 tokens");
    expect(renderReport(profile(RECALL))).toContain('id="recall"');
  });

  it("shows prompt, truth and continuation, shaded from where they part, and lets no text out", () => {
    const body = bodyOf(RECALL);
    expect(body).toContain("the same &lt;<mark>b&gt;truth&lt;/b&gt;␇</mark>");
    expect(body).toContain("the same &lt;<mark>i&gt;lie&lt;/i&gt;⟨U+2066⟩</mark>");
    expect(body).toContain("⟨U+202E⟩&lt;script&gt;");
    for (const hostile of ["<script", "\u202e", "\u2066", "\u0007"]) expect(body).not.toContain(hostile);
    expect(body).toContain("exposures 4, 2 times in the text");
  });

  it("does not take measured text for a path", () => {
    expect(withoutPaths(profile(RECALL)).recall).toEqual(RECALL);
    expect("recall" in withoutPaths(sampleProfile())).toBe(false);
  });

  it("does not part a character", () => {
    const [sample] = RECALL.samples;
    const body = bodyOf({ ...RECALL, samples: [{ ...sample, truth: "a😀", came: "a😁" }] });
    expect(body).toContain("a<mark>😀</mark>");
  });

  it("draws figures that are not defined as absent", () => {
    const verbatim = RECALL.verbatim.map((one) => ({ ...one, memorised: none, guess: null }));
    const body = bodyOf({ ...RECALL, verbatim, memorised: none, control: null, gist: null, membership: null });
    expect(body).toContain("cannot be told here");
    expect(body).not.toMatch(/NaN|undefined|null/);
  });
});

describe("recall in the terminal", () => {
  const shown = (recall: Recall, width = 100): string =>
    renderTerminal(profile(recall), { width, colour: false, unicode: true });

  it("has a line for every prefix and says what was found", () => {
    const text = shown(RECALL);
    expect(text).toMatch(/32 tokens +20\.0 % \(18\.0–22\.0\) +15\.0 % \(13\.0–17\.0\) +40\.0 % +10\.0 %/);
    expect(text.replace(/\s+/g, " ")).toContain("costs 0.100 (0.070–0.130) bits per byte less than text never seen");
  });

  it("keeps to the width", () => {
    for (const width of [60, 80])
      for (const line of shown(RECALL, width).split("\n")) expect(line.length).toBeLessThanOrEqual(width);
  });
});
