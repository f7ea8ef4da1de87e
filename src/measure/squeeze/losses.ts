/** In which order figures are lost as the rate falls (METHODS §7.3): from the points of the frontier alone. Pure. */
import { counted } from "../../numeric/amounts.ts";
import type { Interval } from "../../profile/figures.ts";
import type { Point, Squeezing } from "../../profile/squeeze.ts";
import { undominated } from "../../squeeze/frontier.ts";

type Losses = Squeezing["losses"];
type Group = Losses[number]["group"];

/** A figure at every point of the frontier: what changed, and whether that is a loss. */
interface Followed {
  readonly figure: string;
  readonly group: Group;
  readonly change: (point: Point) => Interval | null;
  /** whether more of it is worse */
  readonly costs: boolean;
}

/** Names of the points that no other beats in rate and KL, by rate, falling. */
export const frontierOf = (points: readonly Point[]): Point[] =>
  undominated(
    points.map((point) => ({
      point,
      rate: point.rate.bitsPerParameter,
      distortion: point.overall.kl?.value ?? null,
    })),
  ).map(({ point }) => point);

const isLost = ({ low, high }: Interval, costs: boolean): boolean =>
  low !== null && high !== null && (costs ? low > 0 : high < 0);

/** @param frontier by rate, falling */
export function orderOfLoss(frontier: readonly Point[]): Losses {
  const [first] = frontier;
  if (!first) return [];
  const domains = Object.keys(first.domains);
  const followed: Followed[] = [
    { figure: "bits per byte", group: "text", change: ({ overall }) => overall.bitsPerByte, costs: true },
    ...(domains.length > 1 ? domains : []).map(
      (name): Followed => ({
        figure: `bits per byte of ${name}`,
        group: "text",
        change: (point) => point.domains[name]?.bitsPerByte ?? null,
        costs: true,
      }),
    ),
    ...(first.facts?.exposures ?? [])
      // What was never told, or is never answered, cannot be forgotten.
      .filter(({ exposures, original }) => exposures !== 0 && (original ?? 0) > 0)
      .map(
        ({ exposures }): Followed => ({
          figure: exposures === null ? "facts" : `facts told ${counted(exposures, "time")}`,
          group: "facts",
          change: ({ facts }) => facts?.exposures.find((one) => one.exposures === exposures)?.exact ?? null,
          costs: false,
        }),
      ),
    ...(first.recall && (first.recall.original ?? 0) > 0
      ? [
          {
            figure: "passages recalled",
            group: "recall",
            change: ({ recall }: Point) => recall?.exact ?? null,
            costs: false,
          } as const,
        ]
      : []),
    ...(first.recall?.bytes && (first.recall.originalBytes ?? 0) > 0
      ? [
          {
            figure: "bytes of passages recalled",
            group: "recall",
            change: ({ recall }: Point) => recall?.bytes ?? null,
            costs: false,
          } as const,
        ]
      : []),
    ...((first.facts?.knowledge?.original ?? 0) > 0
      ? [
          {
            figure: "capacity: bits known of a fact",
            group: "capacity",
            change: ({ facts }: Point) => facts?.knowledge?.bits ?? null,
            costs: false,
          } as const,
        ]
      : []),
  ];
  const told = followed.flatMap(({ figure, group, change, costs }): Losses => {
    const changes = frontier.map(change);
    // Without intervals nothing tells what is lost.
    if (changes.every((one) => one === null || one.low === null)) return [];
    let at = frontier.length;
    while (at > 0 && changes[at - 1] !== null && isLost(changes[at - 1]!, costs)) at--;
    const place = (index: number) => ({
      point: frontier[index].name,
      bitsPerParameter: frontier[index].rate.bitsPerParameter,
    });
    return [
      {
        figure,
        group,
        from: at < frontier.length ? { ...place(at), change: changes[at]! } : null,
        kept: at > 0 ? place(at - 1) : null,
      },
    ];
  });
  return told.sort((a, b) => (b.from?.bitsPerParameter ?? 0) - (a.from?.bitsPerParameter ?? 0));
}

/** Share of the original's bits per byte that is held for little. */
export const ENOUGH = 0.01;

/** The least rate of the frontier whose loss stays, to the upper end of its interval, below a share of the original's bits. */
export function enoughOf(frontier: readonly Point[], bitsPerByte: number): Squeezing["enough"] {
  const fitting = frontier.filter(({ overall: { bitsPerByte: lost } }) => {
    const most = lost.high ?? lost.value;
    return most !== null && most <= ENOUGH * bitsPerByte;
  });
  const last = fitting.at(-1);
  return last ? { point: last.name, share: ENOUGH } : null;
}
