/**
 * The report's colours, light and dark, as data: `page.ts` writes them out as CSS variables, `palette.test.ts` holds
 * their contrast (WCAG 2.1: text 4.5:1, marks 3:1 on the paper) and the order of the heat ramp. Hues differ in
 * lightness as well as in tone, and no mark is told from another by its colour alone.
 */

export const THEMES = {
  light: {
    paper: "#fbfaf7",
    sheet: "#f3f1ea",
    ink: "#1a1c20",
    muted: "#5b616b",
    rule: "#dcd8ce",
    faint: "#8d9097",
    model: "#0b5a9c",
    second: "#b4460c",
    third: "#177257",
    fourth: "#83439a",
    from: "#7d93ad",
    warn: "#8a1f11",
    heat: ["#fbfaf7", "#fbf0d4", "#fae0ad", "#f8cb83", "#f5b35f", "#f09a4d", "#e98246", "#de6b45"],
  },
  dark: {
    paper: "#131519",
    sheet: "#1b1e24",
    ink: "#ebe9e3",
    muted: "#a2a8b3",
    rule: "#31353d",
    faint: "#777d88",
    model: "#72b6f2",
    second: "#f2995f",
    third: "#5fc9a3",
    fourth: "#d7a0dd",
    from: "#54708f",
    warn: "#ff9f8c",
    heat: ["#131519", "#261e15", "#382817", "#4b3218", "#5f3c19", "#73451a", "#874b1c", "#9c4f20"],
  },
} as const;

/** Lower edges, in bits per byte, of the steps of the heat ramp; 8 is what a raw byte costs. */
export const HEAT_EDGES = [0, 0.5, 1, 2, 3, 4, 6, 8] as const;
