import { describe, expect, it } from "vitest";
import { withoutPaths } from "./paths.ts";
import { sampleProfile } from "./sample.testing.ts";

const shown = (text: string): string =>
  withoutPaths({ ...sampleProfile(), refusals: [{ figure: "plane", reason: text }] }).refusals[0].reason;

describe("paths of the machine that measured", () => {
  it.each([
    ["/home/some one/texts/a b.txt", "…/a b.txt"],
    ["~/texts/a.txt", "…/a.txt"],
    ["C:\\Users\\x\\a.txt", "…/a.txt"],
    ["file:///srv/data/a.txt", "…/a.txt"],
    ["cannot read /srv/data/a.txt: gone", "cannot read …/a.txt: gone"],
  ])("%s is cut", (given, cut) => expect(shown(given)).toBe(cut));

  it.each(["org/name@main", "bits/byte", "\\n\\n", "https://example.org/a/b", "texts/a.txt", "2 of 3/4"])(
    "%s stays",
    (given) => expect(shown(given)).toBe(given),
  );

  it("measured text is left alone", () => {
    const profile = sampleProfile();
    profile.passages[0].text = "/etc/passwd/x";
    expect(withoutPaths(profile).passages[0].text).toBe("/etc/passwd/x");
  });
});
