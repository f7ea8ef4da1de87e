import { expect, it } from "vitest";
import { mapAtMost } from "./concurrent.ts";

it("keeps order and limit", async () => {
  let running = 0;
  let most = 0;
  const results = await mapAtMost(3, [5, 1, 4, 2, 3, 0], async (item) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, item));
    running--;
    return item * 2;
  });
  expect(results).toEqual([10, 2, 8, 4, 6, 0]);
  expect(most).toBe(3);
});

it("begins nothing after an error, ends what is begun, and tells the first", async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const work = async (item: number) => {
    begun.push(item);
    await new Promise((resolve) => setTimeout(resolve, item));
    ended.push(item);
    if (item !== 1) throw new Error(`item ${item}`);
  };
  await expect(mapAtMost(2, [20, 1, 5, 1], work)).rejects.toThrow("item 5");
  expect(begun).toEqual([20, 1, 5]);
  expect(ended).toEqual([1, 5, 20]);
});
