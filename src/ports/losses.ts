/** The losses of an observation, token by token. */
import { LossyscopeError } from "../numeric/errors.ts";
import type { TokenizedDocument, Window } from "../text/corpus.ts";
import type { Observation } from "./observation.ts";

/**
 * Visits every scored token of an observation, with the window that scored it.
 * @throws LossyscopeError `model` on a loss that is no number, naming document, token and window
 */
export function eachLoss(
  observation: Observation,
  documents: readonly Pick<TokenizedDocument, "id">[],
  visit: (window: Window, token: number, nats: number) => void,
): void {
  const { batch, losses, rows } = observation;
  if (losses?.length !== rows) throw new Error(`${losses?.length ?? "no"} losses for ${rows} rows`);
  let row = 0;
  for (const window of batch.windows) {
    for (let slot = window.fresh; slot < window.ids.length; slot++, row++) {
      // Nothing comes before slot 0: the prefix is never scored, and a first token without one costs ln V.
      if (slot === 0) continue;
      const token = window.start + slot - window.prefixSlots;
      if (!Number.isFinite(losses[row])) {
        const last = window.start + window.ids.length - window.prefixSlots - 1;
        throw new LossyscopeError(
          "model",
          `the loss of token ${token} of document "${documents[window.document].id}" is ${losses[row]} (window of tokens ${window.start} to ${last})`,
          "look for NaN or infinity among the weights; in float16 files a value may have overflowed",
        );
      }
      visit(window, token, losses[row]);
    }
  }
  if (row !== rows) throw new Error(`${row} fresh slots for ${rows} rows`);
}
