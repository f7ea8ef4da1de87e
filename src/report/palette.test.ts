import { describe, expect, it } from "vitest";
import { HEAT_EDGES, THEMES } from "./palette.ts";

/** WCAG 2.1 relative luminance of `#rrggbb`. */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5]
    .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((channel) => (channel <= 0.03928 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

describe.each(Object.entries(THEMES))("%s", (_, theme) => {
  it.each(["ink", "muted", "model", "warn"] as const)("%s is readable as text", (name) => {
    expect(contrast(theme[name], theme.paper)).toBeGreaterThanOrEqual(4.5);
  });

  it.each(["second", "third", "fourth", "faint", "from"] as const)("%s is visible as a mark", (name) => {
    expect(contrast(theme[name], theme.paper)).toBeGreaterThanOrEqual(3);
  });

  it("text is readable on every step of the heat ramp", () => {
    for (const step of theme.heat) expect(contrast(theme.ink, step)).toBeGreaterThanOrEqual(4.5);
  });

  it("the heat ramp goes one way from the paper", () => {
    expect(theme.heat[0]).toBe(theme.paper);
    const away = theme.heat.map((step) => contrast(step, theme.paper));
    for (let step = 1; step < away.length; step++) expect(away[step]).toBeGreaterThan(away[step - 1] * 1.04);
  });

  it("has a step for every edge", () => expect(theme.heat).toHaveLength(HEAT_EDGES.length));
});
