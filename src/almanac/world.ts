/**
 * The world of the almanac: entities with names, facts and exposures, all from one seed (METHODS §9). Of every kind
 * ⌊n·2^−k⌋ entities have exposure a·2^k ≤ 1024, and that many training pages each (a = 1 but where the world is one of few
 * entities that all are written of often); a further part is never written of in training. Names are drawn without replacement over both parts, uniformly from the kind's pool; the kind of a
 * never-seen entity is drawn with the share that the kind has of the training pages; facts by the laws of their relations.
 * By symmetry each entity taken by itself has a uniform name and independent facts, whatever the size of the world.
 *
 * Memory: about 500 bytes an entity.
 */
import { random } from "../numeric/random.ts";
import type { Subject } from "./page.ts";
import { KINDS, type KindName, kindOf, priorBits } from "./relations.ts";

/** How large a world is, and how many pages its splits other than training have. */
interface Size {
  /** the smallest exposure */
  readonly least: number;
  /** entities of the smallest exposure, by kind */
  readonly rarest: Readonly<Record<KindName, number>>;
  /** pages held out about known entities, and about entities never seen (of these one page each) */
  readonly heldOut: number;
  /** pages of the balanced split for every exposure */
  readonly balanced: number;
}

const size = (least: number, rarest: number, heldOut: number, balanced: number): Size => ({
  least,
  rarest: { person: rarest / 2, town: rarest / 4, river: rarest / 8, event: rarest / 8 },
  heldOut,
  balanced,
});

/** Sizes of a world, by name. */
export const SIZES = {
  tiny: size(1, 32, 32, 4),
  few: size(64, 16, 128, 16),
  small: size(1, 512, 256, 16),
  medium: size(1, 4096, 1024, 32),
  large: size(1, 16384, 2048, 64),
} as const satisfies Readonly<Record<string, Size>>;
export type SizeName = keyof typeof SIZES;

/** What pages are written for. */
export const SPLITS = ["train", "known", "unseen", "balanced"] as const;
/** One training pass; held out about known entities; about entities never seen; equally many pages for each exposure. */
export type Split = (typeof SPLITS)[number];

const MOST_EXPOSURES = 1024;

export interface Entity extends Subject {
  /** training pages about it; 0 for one never seen */
  readonly exposures: number;
}

export interface World {
  readonly seed: number;
  readonly size: SizeName;
  /** those that training pages are about, by kind and rising exposure */
  readonly known: readonly Entity[];
  readonly unseen: readonly Entity[];
  /** the known ones by exposure, rising */
  readonly levels: ReadonlyMap<number, readonly Entity[]>;
  /** training pages */
  readonly pages: number;
  entity(kind: KindName, name: number): Entity | undefined;
}

/** Exposures and how many entities of the kind have each: `[[1, 16], [2, 8], …]`. */
function exposuresOf({ least, rarest }: Size, kind: KindName): [exposures: number, entities: number][] {
  const levels: [number, number][] = [];
  for (let times = 1; least * times <= MOST_EXPOSURES && rarest[kind] >= times; times *= 2) {
    levels.push([least * times, Math.floor(rarest[kind] / times)]);
  }
  return levels;
}

const trainingPages = (size: Size, kind: KindName): number =>
  exposuresOf(size, kind).reduce((pages, [exposures, entities]) => pages + exposures * entities, 0);

/** Probability that a page of the split is about this kind: of the size, not of the world. */
export function kindShare(name: SizeName, split: Split, kind: KindName): number {
  const size = SIZES[name];
  if (split !== "balanced") {
    return trainingPages(size, kind) / KINDS.reduce((pages, other) => pages + trainingPages(size, other), 0);
  }
  const levels = new Map<number, { all: number; own: number }>();
  for (const other of KINDS) {
    for (const [exposures, entities] of exposuresOf(size, other)) {
      const level = levels.get(exposures) ?? { all: 0, own: 0 };
      levels.set(exposures, { all: level.all + entities, own: level.own + (other === kind ? entities : 0) });
    }
  }
  return [...levels.values()].reduce((share, { all, own }) => share + own / all / levels.size, 0);
}

/** Makes the world of a seed: its entities, what is true of them, and how often training tells it. */
export function createWorld(seed: number, sizeName: SizeName): World {
  const size = SIZES[sizeName];
  const taken = new Map(KINDS.map((kind) => [kind, new Map<number, Entity>()]));
  const names = new Map(KINDS.map((kind) => [kind, random(seed, "almanac", "names", kind)]));
  const facts = new Map(KINDS.map((kind) => [kind, random(seed, "almanac", "facts", kind)]));

  const draw = (kind: KindName, exposures: number): Entity => {
    const others = taken.get(kind)!;
    const { names: pool, relations } = kindOf(kind);
    let name: number;
    do name = names.get(kind)!.below(pool.size);
    while (others.has(name));
    const values: number[] = [];
    for (const { law, after } of relations) {
      values.push((after === null ? 0 : values[after]) + law.draw(facts.get(kind)!));
    }
    const entity = { kind, name, values, exposures };
    others.set(name, entity);
    return entity;
  };

  const known = KINDS.flatMap((kind) =>
    exposuresOf(size, kind).flatMap(([exposures, entities]) =>
      Array.from({ length: entities }, () => draw(kind, exposures)),
    ),
  );
  const pages = known.reduce((sum, { exposures }) => sum + exposures, 0);
  const kinds = random(seed, "almanac", "unseen");
  const unseen = Array.from({ length: size.heldOut }, () => {
    let page = kinds.below(pages);
    return draw(KINDS.find((kind) => (page -= trainingPages(size, kind)) < 0)!, 0);
  });
  const exposures = [...new Set(known.map((entity) => entity.exposures))].sort((a, b) => a - b);
  return {
    seed,
    size: sizeName,
    known,
    unseen,
    levels: new Map(exposures.map((level) => [level, known.filter((entity) => entity.exposures === level)])),
    pages,
    entity: (kind, name) => taken.get(kind)!.get(name),
  };
}

/**
 * Who the pages of a split are about, in their order. Training: every known entity as often as its exposure, shuffled.
 * Known: independent draws in proportion to exposure. Unseen: each once. Balanced: for every exposure equally many pages,
 * going round its entities.
 */
export function subjectsOf(world: World, split: Split): Entity[] {
  const { known, unseen, levels } = world;
  const { heldOut, balanced } = SIZES[world.size];
  const order = random(world.seed, "almanac", "subjects", split);
  const allPages = (): Entity[] => known.flatMap((entity) => Array<Entity>(entity.exposures).fill(entity));
  switch (split) {
    case "train":
      return order.shuffle(allPages());
    case "known": {
      const pages = allPages();
      return Array.from({ length: heldOut }, () => pages[order.below(pages.length)]);
    }
    case "unseen":
      return [...unseen];
    case "balanced":
      return [...levels.values()].flatMap((level) => {
        const round = order.shuffle([...level]);
        return Array.from({ length: balanced }, (_, i) => round[i % round.length]);
      });
  }
}

/**
 * −log2 of the probability that a page of the split, taken by itself, is about this entity when the world is known.
 * @returns infinity for an entity that the split is never about
 */
export function subjectBits({ pages, levels, unseen }: World, split: Split, { exposures }: Entity): number {
  const never = exposures === 0;
  if (never !== (split === "unseen")) return Infinity;
  if (split === "unseen") return Math.log2(unseen.length);
  if (split === "balanced") return Math.log2(levels.size * levels.get(exposures)!.length);
  return Math.log2(pages / exposures);
}

/** −log2 of the prior of all facts of an entity. */
export function factBits({ kind: name, values }: Subject): number {
  const kind = kindOf(name);
  const disclosed: number[] = [];
  return values.reduce((bits, value, relation) => {
    const cost = priorBits(kind, relation, value, disclosed);
    disclosed[relation] = value;
    return bits + cost;
  }, 0);
}
