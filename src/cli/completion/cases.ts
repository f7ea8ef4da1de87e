/**
 * Tables of a completion script, each answer once with all that leads to it: what an option takes, which command a word is,
 * what stands at a place. A question is a command's path, a space and a word.
 */
import type { CommandNode, OptionNode, Value } from "./tree.ts";

export interface Case {
  readonly questions: readonly string[];
  readonly answer: string;
}

/** Where the last of a command's words may be repeated, it stands at this place as well. */
export const FURTHER = "further";

/** Joins the questions that have the same answer, in order of appearance. */
function joined(asked: readonly (readonly [question: string, answer: string])[]): Case[] {
  const questions = new Map<string, string[]>();
  for (const [question, answer] of asked) questions.set(answer, [...(questions.get(answer) ?? []), question]);
  return [...questions].map(([answer, all]) => ({ questions: all, answer }));
}

/** Options that take a value, under all their names. */
export const optionCases = (tree: readonly CommandNode[], answer: (option: OptionNode) => string): Case[] =>
  joined(
    tree.flatMap(({ path, options }) =>
      options
        .filter(({ takes }) => takes !== "none")
        .flatMap((option) => option.names.map((name) => [`${path} ${name}`, answer(option)] as const)),
    ),
  );

/** Commands below commands, under all their names. */
export const commandCases = (tree: readonly CommandNode[], answer: (path: string) => string): Case[] =>
  joined(
    tree.flatMap(({ path, commands }) =>
      commands.flatMap((child) => child.names.map((name) => [`${path} ${name}`, answer(child.path)] as const)),
    ),
  );

/** The words of a command itself, by place. */
export const placeCases = (tree: readonly CommandNode[], answer: (value: Value) => string): Case[] =>
  joined(
    tree.flatMap(({ path, places, repeats }) =>
      [...places.entries(), ...(repeats ? [[FURTHER, places.at(-1)!] as const] : [])].map(
        ([place, value]) => [`${path} ${place}`, answer(value)] as const,
      ),
    ),
  );

/** What an option does to the words behind it: whether one must or may be its own, and so the ones after that. */
export const needs = ({ takes }: OptionNode): { readonly need: "must" | "may"; readonly after: "may" | "" } => ({
  need: takes === "maybe" ? "may" : "must",
  after: takes === "many" ? "may" : "",
});

/** For each command, what it offers; nothing for those that offer nothing. */
export const offered = <T>(
  tree: readonly CommandNode[],
  of: (node: CommandNode) => readonly T[],
): [string, readonly T[]][] =>
  tree.map((node): [string, readonly T[]] => [node.path, of(node)]).filter(([, items]) => items.length > 0);

export const offeredFlags = ({ options }: CommandNode): OptionNode[] => options.filter((option) => option.offered);
