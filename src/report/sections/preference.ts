/** What the section on the plane says of completions that were chosen and rejected (METHODS §2.3 Preference information). */
import type { Preference } from "../../profile/preference.ts";
import type { Profile } from "../../profile/profile.ts";
import { count, figure, percent, sentence } from "../format.ts";
import { lines } from "../marks/lines.ts";
import { LEAST_BITS } from "../marks/plane.ts";
import { element, markup } from "../marks/svg.ts";
import { inBits, preferenceClaim, preferenceFindings, speaks } from "../preference.ts";
import { datum, drawn, estimate, legend, missing, numbers, paragraph, refusalsUnder, table } from "./parts.ts";

type Information = NonNullable<Preference["information"]>;

function panel(information: Information): string {
  const { wide, against } = inBits(information);
  const { layers } = information;
  const name = "What layers tell of which completion was chosen, bits";
  return drawn(
    name,
    lines(
      name,
      layers.map(({ layer }) => layer),
      [
        {
          name: "held out",
          tone: "third",
          style: "solid",
          values: layers.map(({ heldOut }) => wide(heldOut)),
          hollow: layers.map(({ heldOutChance }) => !speaks(heldOutChance)),
        },
      ],
      {
        least: LEAST_BITS,
        chance: {
          name: "labels swapped",
          values: layers.map(({ heldOutChance }) => {
            const { chance, low, high } = against(heldOutChance);
            return { value: chance, low, high };
          }),
        },
      },
    ),
    legend([
      { name: "pairs held out, with 95 % interval", mark: "dot third" },
      { name: "labels swapped inside pairs: mean and middle 95 %", mark: "by-chance" },
      { name: "within chance (p > 0.05)", mark: "hollow" },
    ]),
  );
}

const PATH = ["preference", "information"] as const;

function layerTable({ layers, summary }: Information): string {
  type Row = Information["summary"];
  const row = (name: string, path: readonly (string | number)[], { heldOut, heldOutChance, plugin }: Row): string[] => [
    name,
    estimate([...path, "heldOut"], heldOut),
    datum([...path, "heldOutChance", "chance"], heldOutChance.chance),
    datum([...path, "heldOutChance", "p"], heldOutChance.p, (p) => figure(p, 2)),
    datum([...path, "plugin", "value"], plugin.value),
    datum([...path, "plugin", "chance"], plugin.chance),
    datum([...path, "plugin", "p"], plugin.p, (p) => figure(p, 2)),
  ];
  return table(
    "Preference information, shares of ln m: held out (95 % interval), plug-in, each with labels swapped",
    ["layer", "held out", "swapped", "p", "plug-in", "swapped", "p"],
    [
      ...layers.map((one, place) => row(String(one.layer), [...PATH, "layers", place], one)),
      row("mean over blocks", [...PATH, "summary"], summary),
    ],
  );
}

function codeTable({ chosen, rejected, cheaper, cheaperInTotal }: Preference): string {
  return table(
    "Completions",
    ["", "tokens", "bytes", "bits per byte", "costs less per byte", "costs less in all"],
    [
      [
        "chosen",
        datum(["preference", "chosen", "tokens"], chosen.tokens, count),
        datum(["preference", "chosen", "bytes"], chosen.bytes, count),
        estimate(["preference", "chosen", "bitsPerByte"], chosen.bitsPerByte),
        datum(["preference", "cheaper", "share"], cheaper.share.value, percent),
        datum(["preference", "cheaperInTotal", "share"], cheaperInTotal.share.value, percent),
      ],
      [
        "rejected",
        datum(["preference", "rejected", "tokens"], rejected.tokens, count),
        datum(["preference", "rejected", "bytes"], rejected.bytes, count),
        estimate(["preference", "rejected", "bitsPerByte"], rejected.bitsPerByte),
        "",
        "",
      ],
    ],
  );
}

/** @returns nothing where no pairs were given */
export function preferencePart(profile: Profile): string {
  const { preference } = profile;
  if (preference === undefined) return "";
  const title = element("h3", { id: "preference" }, "Preference");
  if (preference === null) return title + missing(profile, "preference");
  const { information, source, pairs, total, notes } = preference;
  return [
    title,
    paragraph(preferenceClaim(preference)),
    ...preferenceFindings(preference).map((text) => paragraph(text)),
    ...refusalsUnder(profile, "preference").map((reason) => paragraph(`Missing: ${reason}.`, "aside")),
    information ? element("div", { class: "panels" }, panel(information)) : "",
    ...notes.map((note) => paragraph(sentence(note), "aside")),
    element(
      "p",
      { class: "small" },
      markup(`${count(pairs)} of ${count(total)} pairs of `),
      element("bdi", {}, markup(source.name)),
      markup(
        information
          ? `; ${count(information.fitted)} fitted, ${count(information.evaluated)} held out. A pair is a unit; tokens of completions alone count.`
          : ". A pair is a unit; tokens of completions alone count.",
      ),
    ),
    numbers(codeTable(preference), information ? layerTable(information) : ""),
  ].join("");
}
