/**
 * How apart concepts lie (METHODS §3.1): distances of rows, their silhouettes and the purity of their neighbourhoods, each a
 * function of the labels alone once the distances are there, so that hundreds of shuffles cost n² additions each.
 *
 * Memory: 8·n² bytes. Time: n²/2·d multiply-adds for the distances, n² a labelling.
 */

/**
 * Inner products of rows with each other, float64.
 * @param rows [n, d]
 * @returns [n, n], symmetric
 */
export function gramOf(rows: ArrayLike<number>, n: number, d: number): Float64Array {
  const gram = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let dot = 0;
      for (let k = 0; k < d; k++) dot += rows[i * d + k] * rows[j * d + k];
      gram[i * n + j] = dot;
      gram[j * n + i] = dot;
    }
  }
  return gram;
}

/**
 * Cosines of rows from their inner products; a zero row has cosine 0 with every row, itself included.
 * @param gram [n, n]
 */
export function cosinesOf(gram: Float64Array, n: number): Float64Array {
  const scale = Float64Array.from({ length: n }, (_, i) => (gram[i * n + i] > 0 ? gram[i * n + i] ** -0.5 : 0));
  const cosines = gram.map((dot, at) => dot * scale[Math.floor(at / n)] * scale[at % n]);
  for (let i = 0; i < n; i++) if (scale[i] > 0) cosines[i * n + i] = 1;
  return cosines;
}

/**
 * Silhouettes by cosine distance (Rousseeuw 1987): s = (b − a) / max(a, b), a a row's mean distance to the others of its
 * label, b the least of its mean distances to another label's rows. 0 for a row alone in its label, and where a = b = 0.
 * @param cosines [n, n]
 * @param labels [n] below `count`, two of them at least in use
 * @returns [n]
 */
export function silhouettes(cosines: Float64Array, labels: ArrayLike<number>, count: number): Float64Array {
  const n = labels.length;
  const sizes = new Float64Array(count);
  for (let i = 0; i < n; i++) sizes[labels[i]]++;
  const totals = new Float64Array(count);
  return Float64Array.from({ length: n }, (_, i) => {
    totals.fill(0);
    for (let j = 0; j < n; j++) if (j !== i) totals[labels[j]] += 1 - cosines[i * n + j];
    const own = labels[i];
    if (sizes[own] < 2) return 0;
    const within = totals[own] / (sizes[own] - 1);
    let nearest = Number.POSITIVE_INFINITY;
    for (let label = 0; label < count; label++)
      if (label !== own && sizes[label] > 0) nearest = Math.min(nearest, totals[label] / sizes[label]);
    const larger = Math.max(within, nearest);
    return larger > 0 ? (nearest - within) / larger : 0;
  });
}

/**
 * The k rows nearest to each by cosine, itself left out; of equally near ones those of lower index.
 * @returns [n, k]
 */
export function neighbours(cosines: Float64Array, n: number, k: number): Int32Array {
  const found = new Int32Array(n * k);
  const best = new Float64Array(k);
  for (let i = 0; i < n; i++) {
    let filled = 0;
    for (let j = 0; j < n; j++) {
      if (j === i) continue;
      const cosine = cosines[i * n + j];
      if (filled === k && !(cosine > best[k - 1])) continue;
      let place = filled < k ? filled++ : k - 1;
      for (; place > 0 && best[place - 1] < cosine; place--) {
        best[place] = best[place - 1];
        found[i * k + place] = found[i * k + place - 1];
      }
      best[place] = cosine;
      found[i * k + place] = j;
    }
  }
  return found;
}

/** Of each row the share of its neighbours with its label, [n]. @param near [n, k] */
export function purities(near: Int32Array, labels: ArrayLike<number>): Float64Array {
  const n = labels.length;
  const k = near.length / n;
  return Float64Array.from({ length: n }, (_, i) => {
    let same = 0;
    for (let place = 0; place < k; place++) same += Number(labels[near[i * k + place]] === labels[i]);
    return same / k;
  });
}
