/**
 * A training run as a page (METHODS §2.8): its path through the information plane with a slider over the steps, every figure
 * over the steps on a logarithmic axis, the phase change marked. Drawn from `trajectory.json` alone; opens offline.
 *
 * Memory: the page is one string, about half a kilobyte a step and layer.
 */
import type { Interval } from "../../profile/figures.ts";
import type { Trajectory, TrajectoryStep } from "../../profile/trajectory.ts";
import { count, counted, figure, interval, percent, si } from "../format.ts";
import { framed } from "../frame.ts";
import { lines, type PanelOptions, type Series, type Tone } from "../marks/lines.ts";
import { LEAST_BITS, someLayers } from "../marks/plane.ts";
import { type RunStep, runPlane } from "../marks/run-plane.ts";
import { element, markup } from "../marks/svg.ts";
import { drawn, legend, numbers, paragraph, responsive, type Section, table } from "../sections/parts.ts";
import { courseClaim, inBits, knowledgeOf, phaseText, sizeOf, stepTable } from "./text.ts";

/** Shows the step that the slider stands at; without it the page shows the last. */
export const STEP_SLIDER = `
(()=>{
const slider=document.getElementById("at-step"),said=document.querySelector("output[for=at-step]");
const all=[...document.querySelectorAll("[data-at]")];
const show=()=>{
  for(const one of all)one.classList.toggle("now",one.dataset.at===slider.value);
  const name=slider.dataset.steps.split(" ")[slider.value];
  said.textContent=name;slider.setAttribute("aria-valuetext","step "+name)
};
slider.addEventListener("input",show);show();
slider.closest("[hidden]").hidden=false
})();
`.trim();

type Step = TrajectoryStep & { readonly plane: NonNullable<TrajectoryStep["plane"]> };
const hasPlane = (step: TrajectoryStep): step is Step => step.plane !== null;

function planeSection(trajectory: Trajectory): Section | null {
  const { plane } = trajectory;
  const steps = trajectory.steps.filter(hasPlane);
  if (plane === null || steps.length === 0) return null;
  const bits = inBits(trajectory);
  const told = (name: string, at: { complexity: Interval; expressivity: Interval; optimality: Interval }) => ({
    complexity: bits(at.complexity),
    expressivity: bits(at.expressivity),
    detail: `${name}: complexity ${interval(bits(at.complexity))} bits, expressivity ${interval(bits(at.expressivity))} bits, optimality ${interval(at.optimality)}`,
  });
  const moments = steps.map(
    ({ step, plane: own }): RunStep => ({
      name: `step ${count(step)}`,
      mean: told(`step ${step}, mean over the blocks`, own.mean),
      layers: own.layers.map((layer) => ({
        ...told(`step ${step}, layer ${layer.layer}`, layer),
        hollow: layer.hollow,
      })),
    }),
  );
  const shown = steps.length - 1;
  const references = plane.frontier ? { frontier: plane.frontier.points, limit: plane.frontier.limit } : null;
  const slider = element(
    "div",
    { class: "slider", hidden: "" },
    element("label", { for: "at-step" }, "Step"),
    element("input", {
      type: "range",
      id: "at-step",
      min: 0,
      max: shown,
      value: shown,
      step: 1,
      "data-steps": steps.map(({ step }) => count(step)).join(" "),
    }),
    element("output", { for: "at-step" }, count(steps[shown].step)),
  );
  const sentences = steps.map(({ step, plane: { mean }, ...own }, place) =>
    element(
      "p",
      { class: place === shown ? "small at-step now" : "small at-step", "data-at": place },
      markup(
        `Step ${count(step)}: ${interval(sizeOf({ ...own, step, plane: null }))} bits a byte; the blocks keep ${interval(bits(mean.complexity))} bits of the token read and know ${interval(bits(mean.expressivity))} bits of the next one; optimality ${interval(mean.optimality)}.`,
      ),
    ),
  );
  return {
    id: "plane",
    title: "The run's path through the information plane",
    methods: "§2.8, §2.4",
    body: [
      paragraph(phaseText(trajectory), "lede"),
      drawn(
        "Complexity and expressivity of one token; purple: mean over the blocks, step by step; blue: the layers at the chosen step",
        slider,
        responsive((form) =>
          runPlane("The run through the information plane", moments, plane.lnM, references, shown, form),
        ),
        ...sentences,
        legend([
          { name: "mean over the blocks, from checkpoint to checkpoint", mark: "dot fourth" },
          { name: "layers at the chosen step, with 95 % intervals", mark: "dot" },
          { name: "where each layer was at other steps", mark: "limit" },
          { name: "diagonal", mark: "diagonal" },
          ...(references ? [{ name: "frontier of this corpus", mark: "frontier" }] : []),
        ]),
      ),
    ].join(""),
    means: [
      "Across stands what the blocks keep of the token they read, up what they know of the next one. Conklin et al. (arXiv 2604.07569) describe training in two phases: first to the right and up, by taking in; then back to the left, by letting go of what does not help.",
      "The slider, or the arrow keys on it, moves through the checkpoints.",
      "All checkpoints are seen through the same reference points and evaluated on the same units, so what is hard about the text cancels between steps.",
    ],
    misread: [
      "A phase change is claimed only where the fall from the highest step to the last is more than chance leaves to the highest of that many steps, and where that step is neither the first nor the last.",
      "The intervals carry the text's variation, not that of the reference points or of another run from another seed.",
      "An untrained model is no zero: its layers mix the embedding of the token that they read, and so keep much of it.",
    ],
  };
}

interface Panel {
  readonly title: string;
  readonly name: string;
  readonly tone: Tone;
  readonly values: readonly (Interval | null)[];
  /** each layer's course, the embedding output first */
  readonly layers?: readonly (readonly (number | null)[])[];
  readonly options: PanelOptions;
}

const alone = (value: number | null): Interval => ({ value, low: null, high: null });

function panels(trajectory: Trajectory): Panel[] {
  const { steps, corpus } = trajectory;
  const bits = inBits(trajectory);
  const layered = (pick: (step: Step, layer: number) => number | null): (number | null)[][] =>
    Array.from({ length: trajectory.run.blocks + 1 }, (_, layer) =>
      steps.map((step) => (hasPlane(step) ? pick(step, layer) : null)),
    );
  const mean = (pick: (step: Step) => Interval) => steps.map((step) => (hasPlane(step) ? pick(step) : null));
  const compressor = corpus.baselines.reduce<(typeof corpus.baselines)[number] | null>(
    (least, one) => (least === null || one.bitsPerByte < least.bitsPerByte ? one : least),
    null,
  );
  const levels = [
    ...(compressor ? [{ name: compressor.name, value: compressor.bitsPerByte }] : []),
    ...(corpus.floors
      ? [
          { name: "floor, world unknown", value: corpus.floors.unknown },
          { name: "floor, world known", value: corpus.floors.known },
        ]
      : []),
  ];
  const knowledge = steps.map(knowledgeOf);
  return [
    {
      title: corpus.floors ? "Bits per byte, held-out pages about known entities" : "Bits per byte",
      name: "bits per byte",
      tone: "model" as const,
      values: steps.map(sizeOf),
      options: { least: 0.1, levels },
    },
    {
      title: "Share of knowledge",
      name: "share of knowledge",
      tone: "fourth" as const,
      values: knowledge,
      options: { least: 0.05 },
    },
    {
      title: "Complexity, bits",
      name: "complexity",
      tone: "model" as const,
      values: mean(({ plane }) => bits(plane.mean.complexity)),
      layers: layered(({ plane }, layer) => bits(plane.layers[layer].complexity).value),
      options: { least: LEAST_BITS, marked: markedOf(trajectory) },
    },
    {
      title: "Expressivity, bits",
      name: "expressivity",
      tone: "second" as const,
      values: mean(({ plane }) => bits(plane.mean.expressivity)),
      layers: layered(({ plane }, layer) => bits(plane.layers[layer].expressivity).value),
      options: { least: LEAST_BITS },
    },
    {
      title: "Optimality: expressivity / complexity",
      name: "optimality",
      tone: "third" as const,
      values: mean(({ plane }) => plane.mean.optimality),
      layers: layered(({ plane }, layer) => plane.layers[layer].optimality.value),
      options: { least: 0.1 },
    },
    {
      title: "Effective rank",
      name: "effective rank",
      tone: "fourth" as const,
      values: steps.map(({ effectiveRank }) => alone(effectiveRank?.mean ?? null)),
      layers: steps[0].effectiveRank?.layers.map((_, layer) =>
        steps.map(({ effectiveRank }) => effectiveRank?.layers[layer] ?? null),
      ),
      options: { least: 2 },
    },
  ].filter(({ values }) => values.some((one) => one !== null && one.value !== null));
}

/** The stretch of the phase change, where one is claimed. */
function markedOf({ phaseChange }: Trajectory): PanelOptions["marked"] {
  if (!phaseChange?.found || !phaseChange.interval) return null;
  return { ...phaseChange.interval, at: phaseChange.step };
}

function coursesSection(trajectory: Trajectory): Section {
  const { steps, training, corpus } = trajectory;
  const at = steps.map(({ step }) => step);
  const figures = panels(trajectory).map(({ title, name, tone, values, layers, options }) => {
    const courses = someLayers(layers?.length ?? 0).map(
      (layer): Series => ({
        name: `layer ${layer}`,
        tone: "faint",
        style: "thin",
        values: layers![layer].map(alone),
      }),
    );
    const own: Series = { name, tone, style: "solid", values };
    return drawn(title, lines(title, at, [...courses, own], { across: "step", ...options }));
  });
  if (training) {
    const bits = training.map(({ nats }) => alone(nats / Math.LN2));
    const course: Series = { name: "training loss", tone: "model", style: "thin", values: bits };
    const across = training.map(({ step }) => step);
    figures.push(
      drawn(
        "Training loss on its own text, bits a token",
        lines("Training loss", across, [course], { across: "step", least: 0.1 }),
      ),
    );
  }
  const { head, cells } = stepTable(trajectory);
  return {
    id: "courses",
    title: "What changes, and when",
    methods: "§1, §2.3–2.4, §3, §9",
    body: [
      element("div", { class: "panels" }, ...figures),
      numbers(
        table(
          "By step; complexity and expressivity: mean over the blocks, bits, held out",
          head,
          cells.map((row) => row.map((cell) => markup(cell))),
        ),
        ...layerTable(trajectory),
      ),
    ].join(""),
    means: [
      "Steps lie on a logarithmic axis, because most of what happens happens early; step 0 is the untrained model. Full lines with marks are the mean over the blocks, with 95 % intervals; thin grey lines are single layers, the embedding output among them; of many layers the first, the last and three between.",
      ...(markedOf(trajectory) ? ["The shaded stretch is the interval of the phase change."] : []),
      ...(corpus.floors
        ? [
            "Between the floors lies what there is to know of the world; above the upper one, what the model has yet to learn of the language.",
          ]
        : []),
    ],
    misread: [
      "Effective rank has no interval: it is taken over all states of a layer.",
      "The training loss is of other text and, with a rate that falls, of a model that changes: it is here to place the steps, not to compare with the bits per byte.",
    ],
  };
}

function layerTable(trajectory: Trajectory): string[] {
  const steps = trajectory.steps.filter(hasPlane);
  if (steps.length === 0) return [];
  return [
    table(
      "Optimality by layer and step",
      ["step", ...steps[0].plane.layers.map(({ layer }) => `layer ${layer}`)],
      steps.map(({ step, plane }) => [
        count(step),
        ...plane.layers.map(({ optimality }) => markup(figure(optimality.value))),
      ]),
    ),
  ];
}

export function trajectoryPage(trajectory: Trajectory): string {
  const { run, corpus, steps } = trajectory;
  const known = knowledgeOf(steps[steps.length - 1])?.value ?? null;
  const plane = planeSection(trajectory);
  return framed(
    `training run ${run.name} on ${corpus.name}`,
    `${run.name} on ${corpus.name}: trajectory`,
    `${courseClaim(trajectory)}.`,
    [
      `${counted(steps.length, "checkpoint")} of a model of ${si(run.parameters, "")} parameters (${run.architecture}, ${counted(run.blocks, "block")} of width ${run.width}), measured on ${counted(corpus.documents, "document")}, ${si(corpus.bytes, "B")}; intervals over ${counted(corpus.units, corpus.unit)}.`,
      ...(known === null
        ? []
        : [`At the end it knows ${percent(known)} of the bits of the facts that its pages state.`]),
    ],
    [...(plane ? [plane] : []), coursesSection(trajectory)],
    plane ? STEP_SLIDER : undefined,
  );
}
