/** How alike the layers of two models are on one text: what is found by `store/similarity.ts`, where states were kept. */

export interface Similarity {
  /** [layers of the baseline][layers of the model], layer 0 the embedding's; null where a layer's states are all equal */
  readonly cka: readonly (readonly (number | null)[])[];
  /** [layers of the model] the baseline's layer that is most alike; null where there is none */
  readonly nearest: readonly (number | null)[];
  /** places that were compared, of those that both models kept */
  readonly places: number;
  readonly kept: number;
  /** root of the mean square of CKA where the places of one model are shuffled; its mean is 0 */
  readonly byChance: number;
  /** what a reader must know of the last layers; null where they are taken at one place */
  readonly note: string | null;
}

/** Why there is none. */
export interface NotAlike {
  readonly absent: string;
}
