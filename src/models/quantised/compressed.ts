/** What the groups of a compressed-tensors config say of weights. */
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import { groupsOf, isObject } from "./methods.ts";
import { BLOCK, type Grid, gridOf, type Shape, sizes } from "./scales.ts";

type Values = Readonly<Record<string, unknown>>;

/** `weights` of every group that quantises them. */
export const schemesOf = (settings: Values): readonly Values[] =>
  groupsOf(settings).flatMap(({ weights }) => (isObject(weights) ? [weights] : []));

/** How scales lie over a matrix. @throws LossyscopeError `unsupported` for a strategy that is not read; `model` */
export function compressedGrid({ strategy, group_size, block_structure }: Values, shape: Shape): Grid {
  const [rows, columns] = [Math.max(shape[0], 1), Math.max(shape[1], 1)];
  switch (strategy) {
    case "tensor":
      return gridOf(shape, rows, columns);
    case "channel":
      return gridOf(shape, 1, columns);
    case "block":
      return gridOf(shape, ...(sizes("block_structure", block_structure) ?? BLOCK));
    case "group":
    case "tensor_group":
      return gridOf(shape, ...(sizes("group_size", [1, group_size]) ?? BLOCK));
    default:
      throw new LossyscopeError(
        "unsupported",
        `the weights are quantised by the strategy ${shown(strategy)}`,
        "use the checkpoint in F32, F16 or BF16",
      );
  }
}
