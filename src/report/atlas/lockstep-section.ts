/** The section of a page about models that read the text side by side (METHODS §12.1): of a comparison, or of a profile. */
import type { Comparison } from "../../atlas/compare.ts";
import type { Lockstep } from "../../profile/lockstep.ts";
import type { Profile } from "../../profile/profile.ts";
import { blocksMarkup } from "../findings.ts";
import { count, figure, interval, sentence } from "../format.ts";
import { divergenceSentence } from "../llama-cpp.ts";
import { type BarRow, bars } from "../marks/bars.ts";
import { scaleOf, shadedBox } from "../marks/heat.ts";
import { element, markup } from "../marks/svg.ts";
import { drawn, missing, numbers, paragraph, refusalsUnder, responsive, type Section } from "../sections/parts.ts";
import { key } from "../sections/text.ts";
import { lockstepBlocks, lockstepText, precisionText } from "./lockstep.ts";

interface Together {
  readonly model: string;
  readonly lockstep: Lockstep;
}

const ID = "lockstep";
const METHODS = "§12.1";

/** @returns null where no two models were read so */
export function lockstepSection({ models, pairs }: Comparison): Section | null {
  const together = pairs.flatMap(({ model, lockstep }) => (lockstep === null ? [] : [{ model, lockstep }]));
  if (together.length === 0) return null;
  return sectionOf("How far each is from the first, token by token", models[0].model, together);
}

/** @returns null where no reference was named */
export function referenceSection(profile: Profile): Section | null {
  const { lockstep, model } = profile;
  if (lockstep === undefined) return null;
  const title = "How far it is from its reference, token by token";
  if (lockstep === null) return { id: ID, title, methods: METHODS, body: missing(profile, ID), means: [], misread: [] };
  const { body, ...rest } = sectionOf(title, lockstep.reference, [{ model: model.name, lockstep }]);
  const refused = refusalsUnder(profile, ID).map((reason) => paragraph(sentence(reason), "absent"));
  return { ...rest, body: [body, ...refused].join("") };
}

function sectionOf(title: string, baseline: string, together: readonly Together[]): Section {
  const divergences = together.flatMap((pair) => rowsOf(pair, together.length > 1));
  return {
    ...{ id: ID, title, methods: METHODS },
    body: [
      ...together.map(({ model, lockstep }) => paragraph(lockstepText(model, baseline, lockstep), "lede")),
      ...together.map(({ model, lockstep }) => {
        const precision = precisionText(model, baseline, lockstep);
        return precision === null ? "" : paragraph(precision, "aside");
      }),
      divergences.length === 0
        ? ""
        : drawn(
            `Mean divergence from ${baseline}, bits a token`,
            responsive((form) => bars(`Mean KL divergence from ${baseline}`, divergences, form)),
          ),
      ...together.map(({ model, lockstep }) => stretches(model, lockstep)),
      ...together.map(({ lockstep: { likeLlamaCpp: like } }) =>
        like ? paragraph(`${divergenceSentence(like)}: ${like.why}.`, "aside") : "",
      ),
      ...together.map(({ model, lockstep }) =>
        numbers(blocksMarkup(lockstepBlocks(model, baseline, lockstep).filter(({ kind }) => kind === "table"))),
      ),
    ].join(""),
    means: [
      `Both models read the same tokens after the same tokens. KL is how many bits more a token would take on average, if ${baseline} were right about how likely each is and the other model's probabilities were used; it counts every token of the vocabulary, those that did not come among them, and so sees what bits per byte do not. 0 is no difference at all.`,
      "The passages are shaded by the divergence at each of their tokens.",
    ],
    misread: [
      "A divergence says how different, not how much worse: it is as large where the other model knows better. Whether bits per byte suffered is in their difference.",
      "The mean is made by few tokens: the median of a good copy is far below it. The percentiles say what the worst places are like.",
    ],
  };
}

function rowsOf({ model, lockstep }: Together, several: boolean): BarRow[] {
  const { overall, domains } = lockstep;
  const named = Object.entries(domains);
  const all = [["all of it", overall] as const, ...(named.length > 1 ? named : [])];
  return all.flatMap(([name, { kl }]) =>
    kl === null
      ? []
      : [
          {
            name: several ? (name === "all of it" ? model : `${model}, ${name}`) : name,
            ...{ value: kl.value, low: kl.low, high: kl.high },
            written: figure(kl.value),
            detail: `${interval(kl)} bits a token`,
            tone: "model" as const,
          },
        ],
  );
}

function stretches(model: string, { stretches: found, overall }: Lockstep): string {
  const passages = found.flatMap(({ text, ends, bits, ...one }) =>
    text === null ? [] : [{ ...one, text, ends, nats: bits.map((each) => Math.max(0, each) * Math.LN2) }],
  );
  const scale = scaleOf(passages);
  const shown = passages.map(({ document, start, kl, delta, ...passage }) => {
    const lost = kl === null ? "" : `, ${figure(kl)} bits of divergence`;
    const where = `${document}, from byte ${count(start)}${lost}; ${figure(delta)} bits more`;
    return element(
      "article",
      { class: "passage" },
      element("p", { class: "small" }, `<bdi>${markup(where)}</bdi>`),
      shadedBox(`text shaded by what ${model} lost`, { ...passage, scale }),
    );
  });
  if (shown.length === 0) return "";
  const by = overall.kl === null ? "in bits" : "by divergence";
  return `${paragraph(`Where ${model} lost most, ${by}`, "lede")}${key(scale)}${shown.join("")}`;
}
