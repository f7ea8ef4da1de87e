/** What a run will lack, where that does not depend on its text. */
import type { Need } from "../../numeric/needs.ts";
import type { Foresight } from "../../profile/foresight.ts";

/** A need that is not met, where what it takes does not depend on a text. */
export const plainly = ({ remedy, ...need }: Need): Foresight["missing"][number] => ({
  ...need,
  remedy: remedy.kind === "said" ? remedy.text : "more of it",
});
