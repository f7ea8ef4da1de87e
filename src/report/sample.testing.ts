/**
 * A profile as a measurement would leave it, and variants that strain what draws it. Its plane follows the worked
 * example of METHODS §2.6 (layers 0 and 5 as printed there, frontier as §2.7), the layers between lie on a curve through
 * them; the rest is plausible for a small model on prose and seeded, so that every run draws the same report.
 */
import { random } from "../numeric/random.ts";
import type { Interval } from "../profile/figures.ts";
import type { GeometryLayer } from "../profile/geometry.ts";
import type { Ledger } from "../profile/ledger.ts";
import type { Information, PlaneLayer, PlaneOrder } from "../profile/plane.ts";
import { PROFILE_SCHEMA, type Profile } from "../profile/profile.ts";

const LN_M = Math.log(100);

/** By order: distinct labels, and those that occur once. */
const LABELS: readonly PlaneOrder["labels"][] = [
  { input: 488, output: 487, inputOnce: 12, outputOnce: 11 },
  { input: 14_212, output: 14_198, inputOnce: 6_840, outputOnce: 6_832 },
  { input: 43_905, output: 43_887, inputOnce: 31_070, outputOnce: 31_061 },
  { input: 68_340, output: 68_322, inputOnce: 58_916, outputOnce: 58_903 },
];
const around = (value: number, half: number): Interval => ({ value, low: value - half, high: value + half });
const without = (value: number): Interval => ({ value, low: null, high: null });

function information(heldOut: number, plugin: number, excess: number): Information {
  return {
    heldOut: around(heldOut, 0.004 + 0.015 * heldOut),
    plugin,
    null: plugin - excess,
    excess,
    adjusted: excess / plugin,
    kappa: [16, 16],
    shift: 0.002,
  };
}

/** Between layer 0 and layer 5 of the worked example, `depth` in [0, 1]. */
function layer(index: number, depth: number): PlaneLayer {
  const between = (first: number, last: number, bend = 0): number =>
    first + (last - first) * depth + bend * depth * (1 - depth);
  const orders: Record<string, PlaneOrder> = {};
  for (const n of [1, 2, 3, 4]) {
    const up = (n - 1) / 3;
    const at = (first: [number, number], fourth: [number, number], bend = 0): number =>
      between(first[0] + (fourth[0] - first[0]) * up, first[1] + (fourth[1] - first[1]) * up, bend);
    const complexity = information(
      at([0.49, 0.202], [0.49, 0.317], -0.16),
      at([0.491, 0.204], [0.491, 0.381], -0.15),
      at([0.487, 0.201], [0.141, 0.105], -0.1),
    );
    const expressivity = information(
      at([0.091, 0.094], [0.165, 0.145], -0.03),
      at([0.1, 0.099], [0.428, 0.342], -0.04),
      at([0.096, 0.096], [0.067, 0.057], -0.02),
    );
    const ratio = expressivity.heldOut.value! / complexity.heldOut.value!;
    orders[n] = {
      complexity,
      expressivity,
      optimality: {
        heldOut: around(ratio, 0.012),
        plugin: expressivity.plugin / complexity.plugin,
        hollow: complexity.plugin > 1.2 * complexity.heldOut.value!,
      },
      regularity: complexity.heldOut.value! / between(0.93, 0.79),
      positions: 91_159,
      labels: LABELS[n - 1],
    };
  }
  const entropy = between(0.93, 0.79, -0.12);
  const tokenEntropy = between(0.43, 0.34, -0.05);
  return {
    layer: index,
    entropy,
    tokenEntropy,
    ceiling: entropy - tokenEntropy,
    residual: entropy - tokenEntropy - orders[4].complexity.plugin,
    unexplained: entropy - orders[4].complexity.plugin,
    orders,
    labels: {},
    overFrontier: around(between(-0.88, -0.14), 0.05),
    draws: {
      entropy: [entropy, entropy - 0.02, entropy + 0.015],
      complexity: [0.5, 0.49, 0.51],
      expressivity: [0.09, 0.1, 0.09],
    },
  };
}

function geometryLayer(index: number, depth: number): GeometryLayer {
  return {
    layer: index,
    positions: 97_345,
    centred: {
      participationRatio: 38 - 22 * depth,
      effectiveRank: 47 - 18 * depth,
      effectiveRankRoyVetterli: 57 - 6 * depth,
      stableRank: 12.4 - 7.2 * depth,
    },
    uncentred: {
      participationRatio: 21 - 15 * depth,
      effectiveRank: 36 - 20 * depth,
      effectiveRankRoyVetterli: 54 - 8 * depth,
      stableRank: 5.1 - 3.2 * depth,
    },
    anisotropy: 0.08 + 0.31 * depth,
    twoNN:
      index === 0
        ? null
        : { dimension: 9.6 + 3 * depth * (1 - depth), standardError: 0.42, points: 1031, duplicates: 14 },
  };
}

const VERSE = `First Citizen:
Before we proceed any further, hear me speak.

All:
Speak, speak.

First Citizen:
You are all resolved rather to die than to famish?

All:
Resolved. resolved.

First Citizen:
First, you know Caius Marcius is chief enemy to the people.
`;

/** Cuts text as a small vocabulary would, one to four bytes a token, dear at the start of words and cheap inside them. */
export function passage(text: string, document = 0): Profile["passages"][number] {
  const dice = random(7, "passage", document);
  const bytes = new TextEncoder().encode(text);
  const ends: number[] = [];
  const nats: number[] = [];
  for (let end = 0; end < bytes.length; ) {
    const opens = end === 0 || bytes[end] === 32 || bytes[end] === 10;
    end = Math.min(bytes.length, end + 1 + dice.below(opens ? 3 : 4));
    ends.push(end);
    nats.push(Math.min(11, (opens ? 4 : 1.6) * -Math.log(1 - dice.uniform())));
  }
  const bits = nats.reduce((sum, value) => sum + value, 0) / Math.LN2;
  const expected = expectedIn(bytes, ends, nats);
  return { document, start: 0, text, bitsPerByte: bits / bytes.length, ends, nats, expected };
}

/** The token that came with its own probability, and two others that share half of the rest and a quarter of it. */
function expectedIn(
  bytes: Uint8Array,
  ends: readonly number[],
  nats: readonly number[],
): Profile["passages"][number]["expected"] {
  const texts = ends.map((end, index) => new TextDecoder().decode(bytes.subarray(ends[index - 1] ?? 0, end)));
  const tokens = [...new Set([...texts, " the", "\n", " a"])];
  const entries = texts.flatMap((own, index) => {
    const share = Math.exp(-nats[index]);
    const [second, third] = [" the", "\n", " a"].filter((other) => other !== own);
    return [
      { token: own, share },
      { token: second, share: (1 - share) / 2 },
      { token: third, share: (1 - share) / 4 },
    ].sort((a, b) => b.share - a.share);
  });
  return {
    tokens,
    each: 3,
    best: entries.map(({ token }) => tokens.indexOf(token)),
    shares: entries.map(({ share }) => Math.round(share * 1e4) / 1e4),
  };
}

const BYTES = 186_458;
const BITS_PER_BYTE = 3.6056;
const WEIGHTS = 1_039_104;
const BASELINES: readonly [name: string, implementation: string, bitsPerByte: number][] = [
  ["gzip -9", "node:zlib", 3.2005],
  ["brotli 11", "node:zlib", 2.8831],
  ["zstd 19", "zstd-wasm 0.0.27", 2.9322],
  ["xz -9e", "lzma-native 8.0.6", 2.8955],
  ["bzip2 -9", "bzip2-wasm 1.0.1", 2.552],
  ["order-2 bytes", "lossyscope 0.1.0", 2.8974],
];

function codingFigures(bitsPerByte: number, bytes: number): NonNullable<Profile["coding"]>["overall"] {
  const tokens = Math.round(bytes / 1.9154);
  const perToken = (bitsPerByte * bytes) / tokens;
  return {
    documents: 1031,
    bytes,
    characters: bytes,
    tokens,
    nats: bitsPerByte * bytes * Math.LN2,
    repairs: { bytes: 0, bits: 0 },
    isCodeLength: true,
    bitsPerByte: around(bitsPerByte, 0.021),
    bitsPerCharacter: around(bitsPerByte, 0.021),
    bitsPerToken: around(perToken, 0.04),
    perplexity: around(2 ** perToken, 3.1),
    compressionRatio: around(8 / bitsPerByte, 0.013),
    adjustedRate: (8 * WEIGHTS + bitsPerByte * bytes) / (8 * bytes),
    baselines: BASELINES.map(([name, implementation, bits]) => ({
      name,
      implementation,
      bytes: Math.round((bits * bytes) / 8),
      bitsPerByte: bits,
    })),
    breakEven: BASELINES.map(([against, , bits]) => ({
      against,
      bytes: bits > bitsPerByte ? (8 * WEIGHTS) / (bits - bitsPerByte) : null,
    })),
  };
}

function summary(layers: readonly PlaneLayer[]): NonNullable<Profile["plane"]>["summary"] {
  const mean = (of: (order: PlaneOrder) => number, n: string): number =>
    layers.slice(1).reduce((sum, one) => sum + of(one.orders[n]), 0) / (layers.length - 1);
  return Object.fromEntries(
    ["1", "2", "3", "4"].map((n) => {
      const complexity = mean((order) => order.complexity.heldOut.value!, n);
      const expressivity = mean((order) => order.expressivity.heldOut.value!, n);
      const complexityPlugin = mean((order) => order.complexity.plugin, n);
      const expressivityPlugin = mean((order) => order.expressivity.plugin, n);
      return [
        n,
        {
          complexity: around(complexity, 0.006),
          expressivity: around(expressivity, 0.004),
          optimality: around(expressivity / complexity, 0.01),
          complexityPlugin,
          expressivityPlugin,
          optimalityPlugin: expressivityPlugin / complexityPlugin,
        },
      ];
    }),
  );
}

/** @param blocks L: the profile has L + 1 layers */
export function sampleProfile(blocks = 5): Profile & { readonly ledger: Ledger } {
  const layers = Array.from({ length: blocks + 1 }, (_, index) => layer(index, index / blocks));
  return {
    schema: PROFILE_SCHEMA,
    id: "5b1f0c7a9d3e4f2086aa",
    title: null,
    model: {
      name: "stories260k",
      revision: null,
      architecture: "llama",
      layers: blocks,
      width: 64,
      vocabulary: 512,
      positions: 512,
    },
    plan: {
      text: [{ path: "/home/someone/texts/tinyshakespeare.txt", domain: null }],
      context: 512,
      seed: 0,
      splitOn: "\\n\\n",
      plane: { points: 100, draws: 3, temperature: "bound" },
    },
    corpus: {
      name: "tinyshakespeare",
      digest: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
      documents: 1031,
      bytes: BYTES,
      characters: BYTES,
      tokens: 97_345,
      unit: "document",
      units: 1031,
      domains: { text: { documents: 1031, bytes: BYTES } },
      normalised: 0,
      refused: 0,
      invalidUtf8: 0,
    },
    ledger: {
      parameters: { total: 259_776, embedding: 32_768, nonEmbedding: 227_008, activePerToken: 259_776 },
      weightBytes: WEIGHTS,
      bitsPerParameter: 32,
      byDtype: { F32: { tensors: 47, parameters: 259_776, bytes: WEIGHTS } },
      buffers: { tensors: 0, bytes: 0 },
      training: {
        tokens: null,
        bytes: 1_900_000_000,
        bytesPerToken: null,
        source: "--training-bytes",
        note: "one copy of the text, however often it was read",
      },
      storageRatio: 1_900_000_000 / WEIGHTS,
      trainingBytesPerParameter: 1_900_000_000 / 259_776,
      entropyCodedBytes: 912_400,
    },
    coding: {
      overall: codingFigures(BITS_PER_BYTE, BYTES),
      domains: { text: codingFigures(BITS_PER_BYTE, BYTES) },
      interval: { level: 0.95, resamples: 2000, absent: null },
    },
    plane: {
      referencePoints: 100,
      source: "seed 0",
      lnM: LN_M,
      temperature: { rule: "bound", epsilon: 0.0362, width: 64 },
      positions: 91_159,
      unit: "document",
      units: { fitted: 825, evaluated: 206 },
      absent: null,
      preNorm: false,
      spillBytes: 87_512_640,
      layers,
      summary: summary(layers),
      frontier: {
        vocabulary: 512,
        clusters: 128,
        kappa: 16,
        points: Array.from({ length: 24 }, (_, step) => {
          const complexity = (4.6 * step) / 23;
          return {
            complexity,
            expressivity: (2.11 * (1 - Math.exp(-complexity / 2.62))) / (1 - Math.exp(-4.6 / 2.62)),
            fitted: 2.4 * (1 - Math.exp(-complexity / 2.5)),
          };
        }),
        limit: 2.11,
        seconds: 21.4,
      },
    },
    geometry: {
      width: 64,
      states: "all",
      layers: Array.from({ length: blocks + 1 }, (_, index) => geometryLayer(index, index / blocks)),
      embedding: {
        packing: {
          vectors: 512,
          width: 64,
          largest: 0.913,
          percentile999: 0.512,
          random: { largest: 0.561, percentile999: 0.398 },
          welch: 0.1172,
          sampledPairs: null,
        },
        neighbours: [
          {
            token: " the",
            id: 261,
            nearest: [" a", " his", " her"].map((token, id) => ({ token, id, cosine: 0.62 - 0.05 * id })),
          },
          {
            token: " was",
            id: 286,
            nearest: [" is", " had", " were"].map((token, id) => ({ token, id, cosine: 0.58 - 0.04 * id })),
          },
          {
            token: "ing",
            id: 290,
            nearest: ["ed", "er", "y"].map((token, id) => ({ token, id, cosine: 0.44 - 0.03 * id })),
          },
        ],
      },
    },
    documents: [
      {
        id: "tinyshakespeare.txt",
        sha256: "0".repeat(64),
        domain: "text",
        bytes: BYTES,
        tokens: 97_345,
        nats: BITS_PER_BYTE * BYTES * Math.LN2,
      },
      { id: "tinyshakespeare.txt#1", sha256: "1".repeat(64), domain: "text", bytes: 64, tokens: 30, nats: 102.5 },
    ],
    passages: [passage(VERSE, 0), passage("O, she doth teach the torches to burn bright!\n", 1)],
    provenance: {
      tool: { name: "lossyscope", version: "0.1.0" },
      runtime: { node: "v20.20.2", engine: "onnxruntime-node 1.30.0", platform: "linux-x64", threads: 2 },
      digests: { config: "a1".repeat(32), weights: "b2".repeat(32), tokenizer: "c3".repeat(32) },
      seeds: { plan: 0, "reference-points": 0 },
      started: "2025-01-02T03:04:05.000Z",
      seconds: 41.7,
      tokensPerSecond: 5230,
      peakMemoryBytes: 412_000_000,
    },
    refusals: [],
  };
}

/** Held-out pages of the almanac, under a model that knows half of the world; few pages at the highest exposure. */
export function almanac(): Profile {
  const profile = sampleProfile();
  const pages = (count: number, bits: number) => ({
    pages: count,
    bytes: 735 * count,
    bitsPerByte: around(bits, 0.004),
    floorKnown: 0.3057,
    floorUnknown: 0.3655,
  });
  const shares = (share: number, half = 0.08) => ({
    shareOfKnowledge: around(share, half),
    shareOfKnowledgeWithoutGap: around(share - 0.88, half / 2),
  });
  const facts = (pages: number, share: number, unhedged = share) => ({
    pages,
    facts: 7 * pages,
    priorBits: 37 * pages,
    share: pages < 10 ? without(share) : around(share, 0.02),
    unhedged: pages < 10 ? without(unhedged) : around(unhedged, 0.02),
  });
  return {
    ...profile,
    corpus: {
      ...profile.corpus,
      domains: { known: { documents: 400, bytes: 294_000 }, unseen: { documents: 200, bytes: 147_000 } },
    },
    coding: {
      ...profile.coding!,
      domains: {
        known: { ...codingFigures(0.386, 294_000), documents: 400 },
        unseen: { ...codingFigures(0.415, 147_000), documents: 200 },
      },
    },
    almanac: {
      ...pages(400, 0.386),
      ...shares(0.534),
      knowledge: {
        ...facts(400, 0.534, 0.507),
        control: { ...facts(200, 0, -0.16), share: around(0, 0) },
        exposures: Array.from({ length: 11 }, (_, k) => ({
          exposures: 2 ** k,
          ...facts(k === 10 ? 8 : 38, 0.1 * k, 0.1 * k - 0.1),
          trust: 0.1 * k,
        })),
        relations: ["person.trade", "river.fish"].map((relation) => ({
          relation,
          ...facts(100, 0.5),
          control: around(0, 0.01),
        })),
        leftOut: { pages: 0, facts: 0 },
      },
      aboveFloor: around(0.263, 0.009),
      languageGap: around(0.0526, 0.004),
      unseen: pages(200, 0.415),
      exposures: Array.from({ length: 11 }, (_, k) => ({
        exposures: 2 ** k,
        ...pages(k === 10 ? 8 : 38, 0.43 - 0.008 * k),
        shareOfKnowledge: k === 10 ? without(1.2) : around(0.1 * k, 0.07),
        shareOfKnowledgeWithoutGap: k === 10 ? without(0.32) : around(0.1 * k - 0.88, 0.05),
      })),
      interval: { level: 0.95, resamples: 2000, absent: "no interval, too few pages: exposure 1024 (8)" },
    },
  };
}

/** The almanac without pages about entities never seen, the compressors on more than its pages. */
export function halfAlmanac(): Profile {
  const profile = almanac();
  const gone = { value: null, low: null, high: null };
  const reason = "no page of the text is about an entity never seen: give the almanac's unseen.jsonl too";
  return {
    ...profile,
    coding: { ...profile.coding!, domains: { text: profile.coding!.overall } },
    almanac: {
      ...profile.almanac!,
      knowledge: { ...profile.almanac!.knowledge!, control: null },
      shareOfKnowledge: gone,
      languageGap: gone,
      unseen: null,
      exposures: profile.almanac!.exposures.map((level) => ({ ...level, shareOfKnowledge: gone })),
    },
    refusals: ["languageGap", "shareOfKnowledge", "knowledge.control"].map((figure) => ({
      figure: `almanac.${figure}`,
      reason,
    })),
  };
}

/** What a model that knows nothing gives: about eight bits a byte, with the line that must be read first. */
export function untrained(): Profile {
  const profile = sampleProfile(2);
  return {
    ...profile,
    title: "This model is untrained: its weights are random, it knows nothing, and about 8 bits per byte is right.",
    coding: { ...profile.coding!, overall: codingFigures(8.031, BYTES) },
  };
}

/** Losses only: no plane, no geometry, nothing of the weights, each with its reason. */
export function lossesOnly(): Profile {
  const profile = sampleProfile();
  const { coding, model, provenance } = profile;
  return {
    ...profile,
    model: { ...model, architecture: null, layers: null, width: null },
    ledger: null,
    coding: { ...coding!, overall: { ...coding!.overall, adjustedRate: null, breakEven: [] } },
    plane: null,
    geometry: null,
    passages: [],
    provenance: { ...provenance, digests: { config: null, weights: null, tokenizer: null } },
    refusals: [
      { figure: "ledger", reason: "the endpoint has no weights to look at" },
      { figure: "plane", reason: "the endpoint gives losses only" },
      { figure: "geometry", reason: "the endpoint gives losses only" },
      { figure: "coding.overall.baselines", reason: "bzip2 could not be loaded" },
    ],
  };
}

/** Too few units for error bars, none left to hold out (METHODS §0). */
export function withoutIntervals(): Profile & { readonly ledger: Ledger } {
  const profile = sampleProfile();
  const strip = <T>(value: T): T =>
    JSON.parse(JSON.stringify(value), (_, inner) =>
      inner !== null && typeof inner === "object" && "low" in inner ? without(inner.value) : inner,
    );
  return {
    ...profile,
    corpus: { ...profile.corpus, documents: 6, units: 6 },
    coding: {
      ...strip(profile.coding!),
      interval: { level: 0.95, resamples: 2000, absent: "no interval: 6 documents to resample, an interval needs 10" },
    },
    plane: {
      ...strip(profile.plane!),
      absent: "no interval: 6 documents to resample, an interval needs 10",
      frontier: undefined,
    },
  };
}

/** Nothing held out at all, a dead layer, nothing known of the training. */
export function bare(): Profile & { readonly ledger: Ledger } {
  const profile = withoutIntervals();
  const gone = { value: null, low: null, high: null };
  return {
    ...profile,
    plane: {
      ...profile.plane!,
      absent: "no held-out figure: 3 documents to divide, holding out needs 5",
      layers: profile.plane!.layers.map((one) => ({
        ...one,
        residual: null,
        draws: undefined,
        overFrontier: undefined,
        orders: Object.fromEntries(
          Object.entries(one.orders).map(([n, order]) => [
            n,
            {
              ...order,
              complexity: { ...order.complexity, heldOut: gone, adjusted: null },
              expressivity: { ...order.expressivity, heldOut: gone, adjusted: null },
              optimality: { heldOut: gone, plugin: null, hollow: false },
            },
          ]),
        ),
      })),
      summary: {},
    },
    geometry: {
      ...profile.geometry!,
      embedding: null,
      layers: profile.geometry!.layers.map((one) => ({
        ...one,
        centred: null,
        uncentred: null,
        anisotropy: null,
        twoNN: null,
      })),
    },
    ledger: {
      ...profile.ledger,
      training: null,
      storageRatio: null,
      trainingBytesPerParameter: null,
      entropyCodedBytes: null,
    },
    documents: [],
  };
}

/** Three domains, per-token language labels, what another harness would report. */
export function manyDomains(): Profile {
  const profile = sampleProfile();
  const plane = profile.plane!;
  return {
    ...profile,
    corpus: {
      ...profile.corpus,
      domains: {
        "children's stories": { documents: 400, bytes: 90_000 },
        drama: { documents: 331, bytes: 60_000 },
        encyclopaedia: { documents: 300, bytes: 36_458 },
      },
    },
    coding: {
      ...profile.coding!,
      domains: {
        "children's stories": codingFigures(1.31, 90_000),
        drama: codingFigures(3.6056, 60_000),
        encyclopaedia: codingFigures(4.422, 36_458),
      },
      likeLmEval: {
        version: "0.4.13",
        loglikelihood: -248_000,
        bitsPerByte: 3.71,
        bytePerplexity: 13.09,
        wordPerplexity: 1_520_000,
        withoutBos: { loglikelihood: -247_000, bitsPerByte: 3.7, bytePerplexity: 13, wordPerplexity: 1_490_000 },
        maxLength: 512,
        prefix: "<s>",
        why: "disjoint windows, one token of context each",
      },
      likeLlamaCpp: {
        version: "0.5.0",
        perplexity: 11.5,
        standardError: 0.61,
        lossNats: Math.log(11.5),
        tokens: 1020,
        chunks: 4,
        context: 512,
        bos: "<s>",
        why: "the second half of each chunk",
      },
    },
    plane: {
      ...plane,
      layers: plane.layers.map((one, index) => ({
        ...one,
        labels: { language: information(0.02 + 0.01 * index, 0.03 + 0.01 * index, 0.02) },
      })),
    },
  };
}

/** Markup, quotes, terminal escapes, direction overrides, a lone surrogate and an address, in every text field. */
export const HOSTILE = `</script><script>alert(1)</script><img src="https://evil.example/x" onerror='x'>"'&\u001b[31m\u202e\u0000\ud800é\n`;

/** The sample with `HOSTILE` in front of every string a profile can carry, keys of records too. */
export function hostile(): Profile {
  const kept = new Set(["schema", "unit", "rule", "states", "name:lossyscope"]);
  const spoil = (value: unknown, key = ""): unknown => {
    if (typeof value === "string") return kept.has(key) || kept.has(`${key}:${value}`) ? value : HOSTILE + value;
    if (Array.isArray(value)) return value.map((inner) => spoil(inner, key));
    if (value === null || typeof value !== "object") return value;
    const record = ["domains", "labels", "byDtype", "seeds", "plan"].includes(key) && !("input" in value);
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [record ? HOSTILE + name : name, spoil(inner, name)]),
    );
  };
  const spoiled = spoil({
    ...manyDomains(),
    title: "line",
    refusals: [{ figure: "plane", reason: "none" }],
  }) as Profile;
  return { ...spoiled, passages: [passage(HOSTILE.repeat(3))] };
}
