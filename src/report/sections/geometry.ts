/** Report section on the shape of the space (METHODS §3): spectra and dimension by layer, packing of the embedding. */
import type { Interval } from "../../profile/figures.ts";
import type { Geometry, GeometryLayer } from "../../profile/geometry.ts";
import type { Profile } from "../../profile/profile.ts";
import { count, figure } from "../format.ts";
import { type BarRow, bars } from "../marks/bars.ts";
import { lines, type Tone } from "../marks/lines.ts";
import { element, markup } from "../marks/svg.ts";
import {
  datum,
  drawn,
  legend,
  missing,
  numbers,
  paragraph,
  refusalsUnder,
  responsive,
  type Section,
  table,
} from "./parts.ts";

const alone = (value: number | null | undefined): Interval => ({ value: value ?? null, low: null, high: null });

/** ± 1.96 standard errors: the 95 % of a normal. */
const Z = 1.96;

type Spectrum = keyof NonNullable<GeometryLayer["centred"]>;
const SPECTRA: readonly (readonly [Spectrum, string, Tone])[] = [
  ["participationRatio", "Participation ratio", "model"],
  ["effectiveRank", "Effective rank, exp H(λ)", "second"],
  ["effectiveRankRoyVetterli", "Effective rank after Roy & Vetterli, on √λ", "third"],
  ["stableRank", "Stable rank", "fourth"],
];

function panels(geometry: Geometry): string {
  const at = geometry.layers.map((layer) => layer.layer);
  const spectra = SPECTRA.map(([key, title, tone]) =>
    drawn(
      `${title}, of ${count(geometry.width)} dimensions`,
      lines(
        title,
        at,
        [
          {
            name: "uncentred",
            tone: "faint",
            style: "broken",
            values: geometry.layers.map((layer) => alone(layer.uncentred?.[key])),
          },
          {
            name: "centred",
            tone,
            style: "solid",
            values: geometry.layers.map((layer) => alone(layer.centred?.[key])),
          },
        ],
        { least: 2 },
      ),
    ),
  );
  const twoNN = geometry.layers.map(({ twoNN: found }) =>
    found
      ? {
          value: found.dimension,
          low: found.dimension - Z * found.standardError,
          high: found.dimension + Z * found.standardError,
        }
      : null,
  );
  return element(
    "div",
    { class: "panels" },
    ...spectra,
    drawn(
      "Intrinsic dimension (TwoNN), ± 1.96 standard errors",
      lines("Intrinsic dimension", at, [{ name: "TwoNN", tone: "model", style: "solid", values: twoNN }], { least: 2 }),
    ),
    drawn(
      "Anisotropy: mean cosine of two tokens",
      lines(
        "Anisotropy",
        at,
        [
          {
            name: "anisotropy",
            tone: "second",
            style: "solid",
            values: geometry.layers.map((layer) => alone(layer.anisotropy)),
          },
        ],
        { least: 0.05 },
      ),
    ),
  );
}

function packing({ packing: found }: NonNullable<Geometry["embedding"]>): string {
  const row = (name: string, value: number, tone: BarRow["tone"]): BarRow => ({
    name,
    ...alone(value),
    written: figure(value),
    detail: `|cosine| ${figure(value)}`,
    tone,
  });
  const pairs = found.sampledPairs === null ? "all pairs" : `${count(found.sampledPairs)} sampled pairs`;
  return drawn(
    `How tightly the ${count(found.vectors)} input embeddings are packed: |cosine| of ${pairs}`,
    responsive((form) =>
      bars(
        "Packing of the embedding matrix against random vectors and the Welch bound",
        [
          row("largest, here", found.largest, "model"),
          row("largest, random", found.random.largest, "plain"),
          row("Welch bound", found.welch, "raw"),
          row("99.9th percentile, here", found.percentile999, "model"),
          row("99.9th percentile, random", found.random.percentile999, "plain"),
        ],
        form,
      ),
    ),
  );
}

function neighbours({ neighbours: found }: NonNullable<Geometry["embedding"]>): string {
  if (found.length === 0) return "";
  const token = (text: string): string => `<code><bdi>${markup(text)}</bdi></code>`;
  return table(
    "Nearest neighbours in the embedding, by cosine",
    ["token", "nearest"],
    found.map((one, index) => [
      token(one.token),
      one.nearest
        .map(
          (near, rank) =>
            `<span class="near">${token(near.token)} ${datum(["geometry", "embedding", "neighbours", index, "nearest", rank, "cosine"], near.cosine)}</span>`,
        )
        .join(" "),
    ]),
    "words",
  );
}

function geometryTable(geometry: Geometry, which: "centred" | "uncentred"): string {
  return table(
    `Spectrum of the ${which} covariance`,
    ["layer", "positions", ...SPECTRA.map(([, title]) => title)],
    geometry.layers.map((layer, index) => [
      String(layer.layer),
      datum(["geometry", "layers", index, "positions"], layer.positions, count),
      ...SPECTRA.map(([key]) => datum(["geometry", "layers", index, which, key], layer[which]?.[key] ?? null)),
    ]),
  );
}

export function geometrySection(profile: Profile): Section {
  const { geometry } = profile;
  const shared = { id: "geometry", title: "The shape of the space", methods: "§3" };
  if (geometry === null) return { ...shared, body: missing(profile, "geometry"), means: [], misread: [] };
  const body = [
    ...refusalsUnder(profile, "geometry").map((reason) => paragraph(`Missing: ${reason}.`, "aside")),
    panels(geometry),
    legend([
      { name: "centred", mark: "dot" },
      { name: "uncentred", mark: "line faint" },
    ]),
    ...(geometry.embedding ? [packing(geometry.embedding), neighbours(geometry.embedding)] : []),
    numbers(
      geometryTable(geometry, "centred"),
      geometryTable(geometry, "uncentred"),
      table(
        "Anisotropy and intrinsic dimension",
        ["layer", "anisotropy", "TwoNN dimension", "standard error", "points", "duplicates dropped"],
        geometry.layers.map((layer, index) => [
          String(layer.layer),
          datum(["geometry", "layers", index, "anisotropy"], layer.anisotropy),
          ...(["dimension", "standardError"] as const).map((key) =>
            datum(["geometry", "layers", index, "twoNN", key], layer.twoNN?.[key] ?? null),
          ),
          ...(["points", "duplicates"] as const).map((key) =>
            datum(["geometry", "layers", index, "twoNN", key], layer.twoNN?.[key] ?? null, count),
          ),
        ]),
      ),
    ),
  ];
  return {
    ...shared,
    body: body.join(""),
    means: [
      `Hidden states have ${count(geometry.width)} dimensions; these count how many are really used. The participation ratio and the effective ranks weigh all directions, the stable rank asks how much the strongest one stands out, TwoNN looks at nearest neighbours alone and sees curved sheets as flat ones.`,
      "Packing: more tokens than dimensions cannot all be at right angles. The Welch bound is the least the largest |cosine| could be; random vectors show what chance gives.",
    ],
    misread: [
      "These figures differ by definition; none is “the” dimension, and they compare only within one figure.",
      "One direction of great variance pulls every spectral figure down without anything having been forgotten.",
      geometry.states === "reservoir"
        ? "The spectra come from a reservoir of tokens, not from all of them."
        : "The uncentred spectra count the mean as a direction of its own.",
    ],
  };
}
