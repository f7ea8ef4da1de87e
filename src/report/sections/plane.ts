/**
 * Report section on the information plane (METHODS §2): the plane itself for each order, informations and entropy by
 * layer, other labels, the gap to the frontier. The profile's shares of ln m are drawn in bits.
 */
import type { Interval } from "../../profile/figures.ts";
import type { Information, Plane, PlaneLayer, PlaneOrder } from "../../profile/plane.ts";
import type { Profile } from "../../profile/profile.ts";
import { count, duration, figure, interval, sentence, si } from "../format.ts";
import { lines, type Series } from "../marks/lines.ts";
import { plane as drawPlane, isDeep, LEAST_BITS, type PlaneMark } from "../marks/plane.ts";
import { sparkline } from "../marks/sparkline.ts";
import { element, markup } from "../marks/svg.ts";
import {
  datum,
  drawn,
  type Entry,
  estimate,
  legend,
  missing,
  numbers,
  paragraph,
  refusalsUnder,
  responsive,
  type Section,
  table,
} from "./parts.ts";
import { preferencePart } from "./preference.ts";

/** Optimality: an axis of less would magnify what does not matter. */
const LEAST_RATIO = 0.1;

const alone = (value: number | null): Interval => ({ value, low: null, high: null });

/** Shares of ln m → bits. */
function inBits(plane: Plane): { bits: (share: number) => number; wide: (share: Interval) => Interval } {
  const bits = (share: number): number => (share * plane.lnM) / Math.LN2;
  const end = (share: number | null): number | null => (share === null ? null : bits(share));
  return { bits, wide: ({ value, low, high }) => ({ value: end(value), low: end(low), high: end(high) }) };
}

/** Orders that any layer has, in order. */
const ordersOf = (plane: Plane): string[] =>
  [...new Set(plane.layers.flatMap((layer) => Object.keys(layer.orders)))].sort((a, b) => Number(a) - Number(b));

const gram = (order: string): string => (order === "1" ? "one token" : `${order} tokens`);

function markOf({ layer }: PlaneLayer, order: PlaneOrder, plane: Plane): PlaneMark {
  const { bits, wide } = inBits(plane);
  const complexity = wide(order.complexity.heldOut);
  const expressivity = wide(order.expressivity.heldOut);
  return {
    layer,
    complexity,
    expressivity,
    plugin: [bits(order.complexity.plugin), bits(order.expressivity.plugin)],
    hollow: order.optimality.hollow,
    detail: `layer ${layer}: complexity ${interval(complexity)} bits, expressivity ${interval(expressivity)} bits, optimality ${interval(order.optimality.heldOut)}`,
  };
}

/** Of many layers: one at a time by a slider, which the page's script moves, and what belongs to all of them at once. */
const layerControls = (order: string, layers: readonly number[]): string =>
  element(
    "div",
    { class: "slider layers", hidden: "" },
    element("label", { for: `layer-${order}` }, "Layer"),
    element("input", {
      type: "range",
      id: `layer-${order}`,
      min: 0,
      max: layers.length - 1,
      value: 0,
      step: 1,
      "data-layers": layers.join(" "),
    }),
    element("output", { for: `layer-${order}` }, ""),
  ) +
  element("input", { type: "checkbox", class: "every", id: `every-${order}` }) +
  element("label", { for: `every-${order}`, class: "small" }, "intervals and plug-in of every layer");

/** One order's plane and panels; the page shows the chosen one. */
function orderView(plane: Plane, order: string): string {
  const { bits, wide } = inBits(plane);
  const layers = plane.layers.filter((layer) => layer.orders[order]);
  const at = layers.map((layer) => layer.layer);
  const of = (pick: (found: PlaneOrder) => Interval): Interval[] => layers.map((layer) => pick(layer.orders[order]));
  const first = order === "1";
  const frontier = first && plane.frontier ? { frontier: plane.frontier.points, limit: plane.frontier.limit } : null;

  const both = (name: string, tone: Series["tone"], pick: (found: PlaneOrder) => Information): Series[] => [
    { name: "plug-in", tone: "faint", style: "broken", values: of((found) => alone(bits(pick(found).plugin))) },
    { name, tone, style: "solid", values: of((found) => wide(pick(found).heldOut)) },
  ];
  const key: Entry[] = [
    { name: "held out, with 95 % interval", mark: "dot" },
    { name: "plug-in, the upper end", mark: "ghost" },
    ...(layers.some((layer) => layer.orders[order].optimality.hollow)
      ? [{ name: "hollow: the two differ by more than a fifth", mark: "hollow" }]
      : []),
    ...(first ? [{ name: "diagonal", mark: "diagonal" }] : []),
    ...(frontier
      ? [
          { name: "frontier of this corpus", mark: "frontier" },
          { name: "I(X;Y)", mark: "limit" },
        ]
      : []),
  ];
  const path = (layer: PlaneLayer, ...rest: string[]) => [
    "plane",
    "layers",
    plane.layers.indexOf(layer),
    "orders",
    order,
    ...rest,
  ];
  const deep = isDeep(layers.length);
  return element(
    "div",
    { class: `order order-${order}` },
    drawn(
      `The information plane, ${gram(order)} back and ${gram(order)} ahead; ${deep ? "numbered: the first layer, the last, and those that show the way between" : "the numbers at the marks are layers"}`,
      deep ? layerControls(order, at) : "",
      responsive((form) =>
        drawPlane(
          `Information plane of order ${order}: complexity and expressivity of each layer in bits`,
          layers.map((layer) => markOf(layer, layer.orders[order], plane)),
          plane.lnM,
          frontier,
          first,
          form,
        ),
      ),
      legend(key),
    ),
    element(
      "div",
      { class: "panels" },
      drawn(
        "Complexity, bits",
        lines(
          "Complexity in bits",
          at,
          both("complexity", "model", (found) => found.complexity),
          { least: LEAST_BITS },
        ),
      ),
      drawn(
        "Expressivity, bits",
        lines(
          "Expressivity in bits",
          at,
          both("expressivity", "second", (found) => found.expressivity),
          { least: LEAST_BITS },
        ),
      ),
      drawn(
        "Optimality: expressivity / complexity",
        lines(
          "Optimality",
          at,
          [
            {
              name: "plug-in",
              tone: "faint",
              style: "broken",
              values: of((found) => alone(found.optimality.plugin)),
            },
            {
              name: "optimality",
              tone: "third",
              style: "solid",
              values: of((found) => found.optimality.heldOut),
              hollow: layers.map((layer) => layer.orders[order].optimality.hollow),
            },
          ],
          { least: LEAST_RATIO },
        ),
      ),
      first ? againstFrontier(plane) : "",
    ),
    paragraph(labelsOf(layers[0].orders[order]), "small"),
    numbers(
      table(
        `Order ${order}, shares of ln m: held out (95 % interval)`,
        [
          "layer",
          "complexity",
          "expressivity",
          "optimality",
          "complexity plug-in",
          "complexity excess",
          "complexity adjusted",
          "expressivity plug-in",
          "expressivity excess",
          "expressivity adjusted",
          "regularity",
        ],
        layers.map((layer) => {
          const { complexity, expressivity, optimality, regularity } = layer.orders[order];
          const side = (name: "complexity" | "expressivity", one: Information): string[] => [
            datum(path(layer, name, "plugin"), one.plugin),
            datum(path(layer, name, "excess"), one.excess),
            datum(path(layer, name, "adjusted"), one.adjusted),
          ];
          return [
            String(layer.layer),
            estimate(path(layer, "complexity", "heldOut"), complexity.heldOut),
            estimate(path(layer, "expressivity", "heldOut"), expressivity.heldOut),
            estimate(path(layer, "optimality", "heldOut"), optimality.heldOut),
            ...side("complexity", complexity),
            ...side("expressivity", expressivity),
            datum(path(layer, "regularity"), regularity),
          ];
        }),
      ),
    ),
  );
}

function labelsOf({ positions, labels }: PlaneOrder): string {
  const side = (name: string, all: number, once: number): string =>
    `${count(all)} ${name} labels, ${count(once)} of them once`;
  return `${count(positions)} positions; ${side("input", labels.input, labels.inputOnce)}; ${side("output", labels.output, labels.outputOnce)}.`;
}

function againstFrontier(plane: Plane): string {
  const measured = plane.layers.filter((layer) => layer.overFrontier);
  if (measured.length === 0) return "";
  return drawn(
    "Expressivity less the frontier's at equal complexity, bits",
    lines(
      "Gap to the frontier in bits",
      measured.map((layer) => layer.layer),
      [{ name: "gap", tone: "fourth", style: "solid", values: measured.map((layer) => layer.overFrontier!) }],
      { least: LEAST_BITS },
    ),
  );
}

function entropies(plane: Plane): string {
  const { bits } = inBits(plane);
  const at = plane.layers.map((layer) => layer.layer);
  const all = (pick: (layer: PlaneLayer) => number | null): Interval[] =>
    plane.layers.map((layer) => {
      const share = pick(layer);
      return alone(share === null ? null : bits(share));
    });
  return drawn(
    "Entropy by layer, bits",
    element(
      "div",
      { class: "panels" },
      lines(
        "Entropy in bits",
        at,
        [
          { name: "H(Z)", tone: "model", style: "solid", values: all((layer) => layer.entropy) },
          { name: "ceiling", tone: "second", style: "solid", values: all((layer) => layer.ceiling) },
          { name: "mean H(p)", tone: "faint", style: "broken", values: all((layer) => layer.tokenEntropy) },
        ],
        { least: LEAST_BITS },
      ),
      element(
        "div",
        { class: "key-beside" },
        legend([
          { name: "H(Z): how evenly the layer uses its space", mark: "dot model" },
          { name: "ceiling: H(Z) less the blur of single tokens, what any label can reach", mark: "dot second" },
          { name: "mean H(p): that blur", mark: "line faint" },
        ]),
        paragraph(`At most ${figure(plane.lnM / Math.LN2)} bits each, the logarithm of ${plane.referencePoints}.`),
      ),
    ),
  );
}

const labelNames = (plane: Plane): string[] => [...new Set(plane.layers.flatMap((layer) => Object.keys(layer.labels)))];

function otherLabels(plane: Plane): string {
  const { wide } = inBits(plane);
  const names = labelNames(plane);
  if (names.length === 0) return "";
  return element(
    "div",
    { class: "panels" },
    ...names.map((name) => {
      const layers = plane.layers.filter((layer) => layer.labels[name]);
      return drawn(
        `What layers tell of “${name}”, bits`,
        lines(
          `Information about ${name} in bits`,
          layers.map((layer) => layer.layer),
          [{ name, tone: "second", style: "solid", values: layers.map((layer) => wide(layer.labels[name].heldOut)) }],
          { least: LEAST_BITS },
        ),
      );
    }),
  );
}

function labelTable(plane: Plane): string {
  const names = labelNames(plane);
  if (names.length === 0) return "";
  return table(
    "Other labels, shares of ln m: held out (95 % interval)",
    ["layer", ...names],
    plane.layers.map((layer, index) => [
      String(layer.layer),
      ...names.map((name) => {
        const found = layer.labels[name];
        return found ? estimate(["plane", "layers", index, "labels", name, "heldOut"], found.heldOut) : "";
      }),
    ]),
  );
}

function summaryTable(plane: Plane): string {
  const orders = Object.entries(plane.summary);
  if (orders.length === 0) return "";
  const trend = (order: string): string =>
    sparkline(
      `optimality by layer, order ${order}`,
      plane.layers.map((layer) => layer.orders[order]?.optimality.heldOut ?? null),
    );
  return table(
    "The whole model by order: mean over its blocks, shares of ln m; optimality is the ratio of the means",
    ["order", "complexity", "expressivity", "optimality", "by layer"],
    orders.map(([order, one]) => [
      markup(order),
      estimate(["plane", "summary", order, "complexity"], one.complexity),
      estimate(["plane", "summary", order, "expressivity"], one.expressivity),
      estimate(["plane", "summary", order, "optimality"], one.optimality),
      trend(order),
    ]),
  );
}

function entropyTable(plane: Plane): string {
  const spread = (values: readonly number[] | undefined): string =>
    values && values.length > 0 ? `${figure(Math.min(...values))}–${figure(Math.max(...values))}` : "";
  const withGap = plane.layers.some((layer) => layer.overFrontier);
  const withDraws = plane.layers.some((layer) => layer.draws);
  return table(
    "Entropy by layer, shares of ln m",
    [
      "layer",
      "H(Z)",
      "mean H(p)",
      "ceiling",
      "residual",
      "H(Z) − I",
      ...(withGap ? ["gap to the frontier, bits"] : []),
      ...(withDraws ? ["H(Z) over draws of the points", "complexity over draws", "expressivity over draws"] : []),
    ],
    plane.layers.map((layer, index) => [
      String(layer.layer),
      ...(["entropy", "tokenEntropy", "ceiling", "residual", "unexplained"] as const).map((name) =>
        datum(["plane", "layers", index, name], layer[name]),
      ),
      ...(withGap && layer.overFrontier
        ? [estimate(["plane", "layers", index, "overFrontier"], layer.overFrontier)]
        : []),
      ...(withDraws
        ? [spread(layer.draws?.entropy), spread(layer.draws?.complexity), spread(layer.draws?.expressivity)]
        : []),
    ]),
  );
}

function story(plane: Plane): string {
  const { wide } = inBits(plane);
  const first = plane.layers.at(0)?.orders["1"];
  const last = plane.layers.at(-1)?.orders["1"];
  if (!first || !last || first.complexity.heldOut.value === null || last.complexity.heldOut.value === null) return "";
  const value = (one: Interval): string => figure(wide(one).value);
  return paragraph(
    `From the first layer to the last, what the model keeps of the token it reads goes from ${value(first.complexity.heldOut)} to ${value(last.complexity.heldOut)} bits; what it tells of the next one, from ${value(first.expressivity.heldOut)} to ${value(last.expressivity.heldOut)}.`,
    "lede",
  );
}

export function planeSection(profile: Profile): Section {
  const { plane } = profile;
  const shared = {
    id: "plane",
    title: "What each layer keeps, and what it knows of what comes next",
    methods: "§2.1–2.7",
  };
  const preference = preferencePart(profile);
  if (plane === null) return { ...shared, body: missing(profile, "plane") + preference, means: [], misread: [] };

  const orders = ordersOf(plane);
  const choice = orders.map((order, index) =>
    element("input", { type: "radio", name: "order", id: `order-${order}`, checked: index === 0 ? "" : undefined }),
  );
  const selector = element(
    "p",
    { class: "selector" },
    element("span", {}, "Order: tokens taken together"),
    ...orders.map((order) => element("label", { for: `order-${order}` }, markup(order))),
  );
  const body = [
    story(plane),
    ...(plane.absent === null ? [] : [paragraph(sentence(plane.absent), "aside")]),
    ...refusalsUnder(profile, "plane").map((reason) => paragraph(`Missing: ${reason}.`, "aside")),
    ...choice,
    selector,
    ...orders.map((order) => orderView(plane, order)),
    entropies(plane),
    otherLabels(plane),
    summaryTable(plane),
    numbers(entropyTable(plane), labelTable(plane)),
    paragraph(
      `${count(plane.units.fitted)} units fitted, ${count(plane.units.evaluated)} evaluated and never fitted; ${plane.referencePoints} reference points (${plane.source}), temperature ${figure(plane.temperature.epsilon, 4)} by the rule “${plane.temperature.rule}” at width ${plane.temperature.width}; at most ${si(plane.spillBytes, "B")} of temporary disk.` +
        (plane.frontier
          ? ` Frontier: ${plane.frontier.vocabulary} most frequent tokens, at most ${plane.frontier.clusters} clusters, κ = ${figure(plane.frontier.kappa)}, ${duration(plane.frontier.seconds)}.`
          : ""),
      "small",
    ),
    preference,
  ];
  const last = plane.preNorm ? "the last one before the final norm" : "the last one after the final norm";
  return {
    ...shared,
    body: body.join(""),
    means: [
      `Each mark is a layer: layer 0 is what the embedding gives, ${last}. Across stands complexity, the bits one can read off the layer about the token just read (or the last 2, 3, 4). Up stands expressivity, the bits it gives about what comes next. Optimality is the one over the other.`,
      "All are held-out figures: labels are learnt on four fifths of the units and tested on the rest. The faint rings are the plug-in estimates, biased upward; for one information the pair brackets the truth in expectation.",
      ...(plane.frontier
        ? [
            "The frontier is the best code of this corpus found for one token: the most it can tell of the next at each complexity. It ends at I(X;Y), all that one token says of the next.",
          ]
        : []),
      ...(profile.preference
        ? [
            "Preference: of each pair of completions one was chosen. How many bits a token's state tells of which one it is part of, one at most, on pairs that the labels were not learnt on; grey is what the same comes to where the labels are swapped inside pairs.",
          ]
        : []),
    ],
    misread: [
      `Everything is seen through ${plane.referencePoints} soft bins: lower bounds on what the layer holds, not all it holds. A layer under the frontier is a worse code in these bins; that says nothing of what the full state keeps.`,
      "A ratio of 0.9 is not “90 % optimal”. For optimality, regularity, residual and the gap, held-out and plug-in are no bracket: ratios and differences of bounds are not bounds.",
      "The diagonal is a guide; it bounds nothing for backed-off labels. The frontier is the best found, an inner bound; a layer above it by more than its error bar suggests the use of wider context, or an imperfect optimum.",
      "At higher orders most labels occur once: hollow marks say that held-out and plug-in complexity are far apart there.",
      ...(profile.preference
        ? [
            "That a layer tells chosen from rejected completions need not be taste: their length, style or wording may do. That the chosen one costs less says what the model expects, not what it would defend.",
          ]
        : []),
    ],
  };
}
