/**
 * Gradients of values of a graph by other values of it, added to the same graph: the ops between the two are walked
 * backwards, and each one's own rule (`ops.ts`) turns the gradient by its outputs into that by its inputs. What a value
 * was read by several times adds up. Rules are written with ordinary ops, so gradients have gradients.
 */
import { LossyscopeError } from "../numeric/errors.ts";
import type { Gradient, Graph, Value } from "./graph.ts";
import { add, expandLike } from "./ops.ts";

/** A value and the gradient by it, of its shape and type. */
export interface Seed {
  readonly value: Value;
  readonly gradient: Value;
}

/**
 * @param seeds where the walk starts: the loss with 1, or values that the loss is made of with the loss's gradients
 * @param parameters inputs, external weights or any values in between
 * @returns the gradient by each parameter, of its shape; zeros where nothing depends on it
 * @throws LossyscopeError `unsupported` naming an op between the two that has no rule
 */
export function gradients(graph: Graph, seeds: readonly Seed[], parameters: readonly Value[]): readonly Value[] {
  const nodes = graph.nodes.slice();
  const wanted = new Set(parameters.map(({ name }) => name));
  const moved = new Set(wanted);
  for (const { inputs, outputs } of nodes) {
    if (inputs.some(({ name }) => moved.has(name))) for (const { name } of outputs) moved.add(name);
  }
  const found = new Map<string, Value>();
  const give = (name: string, gradient: Gradient): void => {
    const sum = found.get(name);
    if (typeof gradient === "function") found.set(name, gradient(sum));
    else found.set(name, sum ? add(sum, gradient) : gradient);
  };
  for (const { value, gradient } of seeds) give(value.name, gradient);
  for (const node of nodes.toReversed()) {
    const given = node.outputs.map(({ name }) => found.get(name));
    if (given.every((gradient) => gradient === undefined)) continue;
    if (!node.inputs.some(({ name }) => moved.has(name))) continue;
    if (!node.op.gradient) {
      throw new LossyscopeError("unsupported", `the op ${node.op.name} has no gradient`);
    }
    node.op.gradient(node, given).forEach((gradient, at) => {
      const { name } = node.inputs[at];
      if (gradient && moved.has(name)) give(name, gradient);
    });
  }
  return parameters.map((value) => found.get(value.name) ?? expandLike(graph.scalar(0, value.type), value));
}
