/**
 * What a probe takes up again, from a file or from another process, held against the probe's own shape: it is of another text
 * or model otherwise, or damaged. Which file it came from is said by who read it.
 */
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";

type Numbers = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array;

export const strange = (what: string): LossyscopeError =>
  new LossyscopeError("io", `${what}: it is of another text or another model, or damaged`);

/** @throws LossyscopeError `io` where there are not so many numbers, or one that does not hold */
export function numbersOf(
  length: number,
  values: Numbers,
  name: string,
  holds: (value: number) => boolean = Number.isFinite,
): void {
  if (values.length !== length) throw strange(`${count(values.length)} ${name} were kept, not ${count(length)}`);
  const wrong = values.findIndex((value) => !holds(value));
  if (wrong >= 0) throw strange(`${values[wrong]} was kept among ${name}`);
}

/** @throws LossyscopeError `io` where the places are not below `length`, each once at most */
export function placesBelow(length: number, places: ArrayLike<number>, name: string): void {
  if (places.length > length) throw strange(`${count(places.length)} ${name} were kept, not ${count(length)}`);
  const seen = new Uint8Array(length);
  for (let at = 0; at < places.length; at++) {
    if (places[at] >= length || seen[places[at]] === 1) throw strange(`place ${places[at]} was kept among ${name}`);
    seen[places[at]] = 1;
  }
}

/** Of what an observation gives again, because what was kept before says less than was seen. */
export const seenTwice = (what: string): LossyscopeError =>
  new LossyscopeError("engine", `${what} came twice`, "measure afresh, without --resume");
