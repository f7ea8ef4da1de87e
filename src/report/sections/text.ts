/** Report section that shows the text itself, shaded by what each token costs per byte (METHODS §1). */
import type { Profile } from "../../profile/profile.ts";
import { count, figure, si } from "../format.ts";
import { heatElement, shadedBox } from "../marks/heat.ts";
import { element, markup } from "../marks/svg.ts";
import { HEAT_EDGES } from "../palette.ts";
import { datum, missing, type Section } from "./parts.ts";

/** Passages shown unfolded: as many as make so many bytes together. */
const OPEN_BYTES = 1500;

/** The steps of the shade. @param scale what their edges are times */
export function key(scale = 1): string {
  const edges = HEAT_EDGES.map((edge) => Number((edge * scale).toPrecision(2)));
  const steps = edges.map((edge, step) => {
    const name =
      step === 0 ? `under ${edges[1]}` : step === edges.length - 1 ? `${edge} and more` : `${edge}–${edges[step + 1]}`;
    const swatch = step === 0 ? " " : `<${heatElement(step)}>&nbsp;&nbsp;</${heatElement(step)}> `;
    return element("span", {}, step === 0 ? `<i class="bare"></i>${name}` : swatch + name);
  });
  return element("p", { class: "legend key" }, element("span", {}, "bits per byte"), ...steps);
}

export function shadedText(profile: Profile): Section {
  const shared = {
    id: "text",
    title: "Where the model is surprised",
    methods: "§1",
    means: [
      "Every token is shaded by the bits it costs for each of its bytes. Plain text was foreseen; the darkest was dearer than storing the bytes as they are (8 bits each). Rest on a word or tap it, or go from token to token with the arrow keys, to see its bits and what the model held for likeliest in its place.",
    ],
    misread: [
      "The shade belongs to the surprise at the token given all that stands before it, not to the word as such: the second time a name occurs it is often cheap.",
      "Long tokens spread their cost over more bytes, so models with different vocabularies shade differently.",
    ],
  };
  if (profile.passages.length === 0) {
    return { ...shared, body: missing(profile, "passages") };
  }
  const passages = profile.passages.map((one, index) => {
    const name = profile.documents[one.document]?.id ?? `document ${one.document + 1}`;
    const from = one.start === 0 ? "" : `from byte ${count(one.start)}, `;
    const facts = `${markup(`${from}${si(one.ends.at(-1) ?? 0, "B")}, `)}${datum(["passages", index, "bitsPerByte"], one.bitsPerByte)} bits per byte`;
    return element(
      "article",
      { class: "passage" },
      element("h3", {}, `<bdi>${markup(name)}</bdi>`, element("span", {}, facts)),
      shadedBox(`text of ${name}`, one),
    );
  });
  let bytes = 0;
  const open = profile.passages.findIndex(({ ends }) => (bytes += ends.at(-1) ?? 0) >= OPEN_BYTES) + 1;
  const shown = passages.slice(0, open || undefined).join("");
  const rest = open === 0 ? [] : passages.slice(open);
  const folded =
    rest.length === 0
      ? ""
      : element(
          "details",
          { class: "numbers" },
          element(
            "summary",
            {},
            markup(rest.length === 1 ? "One more passage" : `${count(rest.length)} more passages`),
          ),
          ...rest,
        );
  const mean = profile.coding?.overall.bitsPerByte.value;
  const whole = mean === undefined || mean === null ? "" : ` The whole text costs ${figure(mean)} bits per byte.`;
  return { ...shared, means: [`${shared.means[0]}${whole}`], body: key() + shown + folded };
}
