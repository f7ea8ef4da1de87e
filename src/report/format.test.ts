import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  columns,
  count,
  counted,
  duration,
  figure,
  fit,
  interval,
  ofSize,
  percent,
  roughly,
  sentence,
  shorten,
  shortenMiddle,
  si,
  visible,
  wrap,
} from "./format.ts";

const plain = (text: string): string => text.replaceAll("\u00a0", " ");

describe("figures", () => {
  it.each([
    [0, "0"],
    [2.1834, "2.18"],
    [0.03124, "0.0312"],
    [0.9996, "1.00"],
    [9.999, "10.0"],
    [123.4, "123"],
    [1234.5, "1,235"],
    [-0.5, "−0.500"],
    [4.2e-7, "4.20e−7"],
    [1.8e15, "1.80e+15"],
    [null, "–"],
    [Number.NaN, "–"],
    [Number.POSITIVE_INFINITY, "–"],
  ])("%s is written %s", (value, written) => expect(figure(value)).toBe(written));

  it("stays within half a unit of the third significant digit", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-4, max: 999, noNaN: true }), (value) => {
        const read = Number(figure(value));
        expect(Math.abs(read - value)).toBeLessThanOrEqual(0.5 * 10 ** (Math.floor(Math.log10(value)) - 1));
      }),
    );
  });

  it.each([
    [{ value: 2.1834, low: 2.1512, high: 2.2144 }, "2.183 (2.151–2.214)"],
    [{ value: 40, low: 31, high: 52 }, "40 (31–52)"],
    [{ value: -0.02, low: -0.05, high: 0.011 }, "−0.020 (−0.050 to 0.011)"],
    [{ value: 1.5, low: 1.5, high: 1.5 }, "1.50 (1.50–1.50)"],
    [{ value: 1.5, low: null, high: null }, "1.50"],
    [{ value: null, low: null, high: null }, "–"],
  ])("an interval has one precision", (given, written) => expect(interval(given)).toBe(written));

  it.each([
    [1_044_992, "B", "1.04 MB"],
    [999, "B", "999 B"],
    [999_600, "B", "1.00 MB"],
    [0, "B", "0 B"],
    [135_000_000, "", "135M"],
    [2.5e21, "B", "2,500 EB"],
    [null, "B", "–"],
  ])("%s %s in SI units", (value, unit, written) => expect(plain(si(value, unit))).toBe(written));

  it.each([
    [0.273, "27.3 %"],
    [0.0042, "0.4 %"],
    [13.7, "1,370 %"],
    [null, "–"],
  ])("%s as per cent", (share, written) => expect(plain(percent(share))).toBe(written));

  it.each([
    [0.42, "0.4 s"],
    [59.4, "59 s"],
    [59.6, "1 min 00 s"],
    [200, "3 min 20 s"],
    [7500, "2 h 05 min"],
    [86_400 * 3 + 3600 * 4, "3 d 04 h"],
  ])("%s seconds", (seconds, written) => expect(plain(duration(seconds))).toBe(written));

  it.each([
    [0.4, "a moment"],
    [3.6, "4 s"],
    [23, "25 s"],
    [59, "1 min"],
    [100, "1 min 30 s"],
    [1234, "21 min"],
    [3590, "1 h"],
    [5000, "1 h 20 min"],
    [40_000, "11 h"],
    [Number.NaN, "–"],
  ])("about %s seconds", (seconds, written) => expect(plain(roughly(seconds))).toBe(written));

  it("counts have their thousands apart", () => expect(count(91_159)).toBe("91,159"));
});

describe("foreign text", () => {
  it("is shown, not obeyed", () => {
    expect(visible("a\u001b[31mb\u0000\u007f\n\u202e\ud800\u0085")).toBe("a␛[31mb␀␡␊⟨U+202E⟩�⟨U+0085⟩");
    expect(visible("a\n\tb", "\n\t")).toBe("a\n\tb");
    expect(visible("👩‍👩‍👧 é 漢")).toBe("👩‍👩‍👧 é 漢");
  });

  it("shows no control, whatever comes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(visible(text)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
        expect(visible(visible(text))).toBe(visible(text));
      }),
    );
  });

  it("is measured in terminal columns, cut and padded to them", () => {
    expect(columns("漢字é")).toBe(5);
    expect(columns("e\u0301")).toBe(1);
    expect(fit("abcdef", 4)).toBe("abc…");
    expect(fit("漢字漢字", 5)).toBe("漢字…");
    expect(fit("ab", 4, "right")).toBe("  ab");
    expect(shorten("abc\u001bdef", 5)).toBe("abc␛…");
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(30), (text, width) => {
        expect(columns(fit(visible(text), width))).toBe(width);
      }),
    );
  });
});

describe("lines", () => {
  it("break at spaces, and within a word that is longer than a line", () => {
    expect(wrap("a bc def", 4)).toEqual(["a bc", "def"]);
    expect(wrap("beside /new/folder/file.json: measure", 12)).toEqual([
      "beside",
      "/new/folder/",
      "file.json:",
      "measure",
    ]);
    expect(wrap("世界世界", 5)).toEqual(["世界", "世界"]);
    expect(wrap("", 5)).toEqual([]);
  });

  it("lose nothing and fit, whatever comes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 2, max: 40 }), (text, width) => {
        const lines = wrap(text, width);
        expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
        for (const line of lines) expect(columns(line)).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe("text in a width", () => {
  it("keeps both ends of a name", () => {
    expect(shortenMiddle("org/model-of-many-words", 11)).toBe("org/m…words");
    expect(shortenMiddle("short", 11)).toBe("short");
    expect(shortenMiddle("漢字漢字漢字", 6)).toBe("漢…字");
    expect(shortenMiddle("abcde\u0301f", 3)).toBe("a…f");
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(30), (text, width) => {
        const shown = visible(text);
        const short = shortenMiddle(shown, width);
        expect(columns(short)).toBeLessThanOrEqual(width);
        if (columns(shown) <= width) expect(short).toBe(shown);
        else expect(shown.startsWith(short.slice(0, Math.max(0, short.indexOf("…"))))).toBe(true);
      }),
    );
  });

  it("knows what is wide: CJK, Hangul, fullwidth, emoji; and what takes no column", () => {
    for (const wide of ["漢", "한", "あ", "Ａ", "🚀", "✅", "𠀀", "🇬🇧"]) expect(columns(wide), wide).toBe(2);
    for (const narrow of ["a", "é", "ﾊ", "…", "±", "–", "ρ", "█", "❤"]) expect(columns(narrow), narrow).toBe(1);
    expect(columns("e\u0301\u0302")).toBe(1);
  });
});

describe("words around figures", () => {
  it("writes a share of a size, and multiples from twice on", () => {
    expect(plain(ofSize(0.539))).toBe("53.9 % of its size");
    expect(plain(ofSize(1.94, "the text's"))).toBe("194 % of the text's size");
    expect(ofSize(24189.39)).toBe("24,189 times its size");
  });

  it("counts one thing as one", () => {
    expect([0, 1, 1428].map((value) => counted(value, "document"))).toEqual([
      "0 documents",
      "1 document",
      "1,428 documents",
    ]);
  });

  it("makes a sentence of a reason", () => {
    expect(sentence("no interval: 1 block")).toBe("No interval: 1 block.");
    expect(sentence("Whole already.")).toBe("Whole already.");
  });
});
