import { describe, expect, it } from "vitest";
import { sharedVocabulary } from "./same.ts";

const table = (contents: readonly (string | undefined)[], prefix: number | null = null) => ({
  vocabularySize: contents.length,
  contentOf: (id: number) => contents[id],
  prefix: prefix === null ? null : { id: prefix, addedByTokenizer: true },
});
const abc = table(["a", "b", "c"], 0);

describe("a vocabulary that two models share", () => {
  it("is that of the shorter, padding that both have with it", () => {
    expect(sharedVocabulary([abc, abc], [8, 8])).toEqual({ vocabulary: 8 });
    expect(sharedVocabulary([abc, abc], [8, 3])).toEqual({ vocabulary: 3 });
    expect(sharedVocabulary([abc, table(["a", "b", "c", "<pad>"], 0)], [8, 8])).toEqual({ vocabulary: 3 });
  });

  it("is none where ids differ, the first of them named", () => {
    expect(sharedVocabulary([abc, table(["a", "x", undefined], 0)], [3, 3])).toEqual({
      absent: 'the vocabularies differ in 2 of 3 ids (1 is "b" and "x", 2 is "c" and nothing)',
    });
    const other = table(["1", "2", "3", "4", "5"]);
    expect(sharedVocabulary([table(["a", "b", "c", "d", "e"]), other], [5, 5])).toEqual({
      absent: expect.stringMatching(/differ in 5 of 5 ids \(0 is "a" and "1", .*, 2 is "c" and "3", …\)$/),
    });
  });

  it("is none where a text is opened otherwise", () => {
    expect(sharedVocabulary([abc, table(["a", "b", "c"])], [3, 3])).toEqual({
      absent: 'one tokenizer opens a text with "a", the other with nothing',
    });
  });
});
