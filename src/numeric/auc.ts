/**
 * Area under the receiver operating characteristic: the probability that a score of the first group exceeds one of the
 * second, ties counting half (Mann & Whitney 1947), with its percentile interval. The two groups are resampled apart from
 * each other, each as many times as it has members.
 *
 * Memory: 24 bytes a member. Time: one sort, then resamples·members.
 */
import { type BootstrapOptions, type Estimate, percentileInterval, RESAMPLES } from "./bootstrap.ts";
import { random } from "./random.ts";

/** [members] of each group: which of the distinct scores, from the least, is its own; how many there are */
function places(above: ArrayLike<number>, below: ArrayLike<number>) {
  const scores = Float64Array.from([...Array.from(above), ...Array.from(below)]);
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[a] - scores[b]);
  const place = new Uint32Array(scores.length);
  let count = 0;
  order.forEach((member, i) => {
    if (i > 0 && scores[member] !== scores[order[i - 1]]) count++;
    place[member] = count;
  });
  return { above: place.subarray(0, above.length), below: place.subarray(above.length), count: count + 1 };
}

/** @param above [distinct scores] members of the first group with that score; `below` of the second */
function area(above: Float64Array, below: Float64Array): number {
  let wins = 0;
  let passed = 0;
  let all = 0;
  for (let i = 0; i < above.length; i++) {
    wins += above[i] * (passed + below[i] / 2);
    passed += below[i];
    all += above[i];
  }
  return wins / (all * passed);
}

/** NaN where a group is empty. */
export function auc(above: ArrayLike<number>, below: ArrayLike<number>): number {
  const at = places(above, below);
  const counts = (group: Uint32Array): Float64Array => {
    const own = new Float64Array(at.count);
    for (const place of group) own[place]++;
    return own;
  };
  return area(counts(at.above), counts(at.below));
}

/**
 * `auc` with its 95 % interval. Two calls with the same seed and sizes see the same resamples.
 * @param above scores of the group that should have the higher ones
 */
export function aucInterval(
  above: ArrayLike<number>,
  below: ArrayLike<number>,
  { seed, resamples = RESAMPLES }: BootstrapOptions,
): Estimate {
  const at = places(above, below);
  const drawn = [new Float64Array(at.count), new Float64Array(at.count)] as const;
  const samples = new Float64Array(above.length > 0 && below.length > 0 ? resamples : 0);
  for (let r = 0; r < samples.length; r++) {
    const stream = random(seed, "auc", above.length, below.length, r);
    [at.above, at.below].forEach((group, g) => {
      drawn[g].fill(0);
      for (let draw = 0; draw < group.length; draw++) drawn[g][group[stream.below(group.length)]]++;
    });
    samples[r] = area(...drawn);
  }
  return percentileInterval(auc(above, below), samples);
}
