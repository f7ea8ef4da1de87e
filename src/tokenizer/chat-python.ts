/**
 * Where the template library writes or compares values as JavaScript does and the reference as Python does: `True`, `None`,
 * lists and objects in Python's own spelling, text joined with text alone, equality by kind and content. A template that
 * counts on it would otherwise render another text in silence.
 */
import { Environment, Interpreter } from "@huggingface/jinja";

/** A value of the library, as far as it is touched. */
interface Value {
  readonly type: string;
  readonly value: unknown;
}
type Make = new (value: unknown) => Value;

/** Of the syntax tree. */
interface Node {
  readonly type: string;
  readonly operator?: { readonly value: string };
  readonly left?: Node;
  readonly right?: Node;
  /** what a call calls; of a filter with arguments, its name */
  readonly callee?: Node;
  readonly value?: unknown;
  readonly iterable?: Node;
  readonly defaultBlock?: readonly Node[];
}

/** Statements give text or nothing; anything else in a block is an expression that is printed. */
const STATEMENTS = new Set([
  "Program",
  "Set",
  "If",
  "For",
  "Macro",
  "CallStatement",
  "Break",
  "Continue",
  "FilterStatement",
  "Comment",
]);
const NUMBERS = new Set(["IntegerValue", "FloatValue", "BooleanValue"]);

/** A template that asks for the time without asking first whether it is told. */
export class AsksTime extends Error {}

/** What filters make of what is not there. */
const OF_NOTHING: Readonly<Record<string, unknown>> = {
  ...Object.fromEntries(
    ["trim", "upper", "lower", "capitalize", "title", "string", "replace", "indent", "escape", "e", "safe", "join"].map(
      (name) => [name, ""],
    ),
  ),
  length: 0,
  count: 0,
  list: [],
};

const OF_TEXT = new Set(["trim", "upper", "lower", "capitalize", "title"]);

/** The library's methods, which its types keep to itself. */
interface Evaluating {
  evaluate(node: Node, environment: Environment): Value;
  evaluateBlock(nodes: readonly Node[], environment: Environment): Value;
  evaluateBinaryExpression(node: Node, environment: Environment): Value;
  evaluateCallExpression(node: Node, environment: Environment): Value;
  evaluateFor(node: Node, environment: Environment): Value;
  applyFilter(operand: Value, filter: Node, environment: Environment): Value;
}

export function pythonInterpreter(environment: Environment): Interpreter {
  const [text, truth] = ["", true].map((value) => classOf(value));
  const interpreter = new Interpreter(environment);
  const own = interpreter as unknown as Evaluating;
  const { evaluateBinaryExpression, evaluateCallExpression, evaluateFor, applyFilter } = own;

  own.evaluateBlock = (nodes, scope) => {
    let written = "";
    for (const node of nodes) {
      const value = own.evaluate(node, scope);
      if (!STATEMENTS.has(node.type)) written += pythonText(value);
      else if (value.type === "StringValue") written += value.value as string;
    }
    return new text(written);
  };
  own.evaluateCallExpression = (node, scope) => {
    if (node.callee?.type === "Identifier" && node.callee.value === "strftime_now") throw new AsksTime();
    return evaluateCallExpression.call(interpreter, node, scope);
  };
  own.evaluateFor = (node, scope) => {
    const { iterable } = node;
    const nothing =
      iterable && iterable.type !== "SelectExpression" && own.evaluate(iterable, scope).type === "UndefinedValue";
    return nothing ? own.evaluateBlock(node.defaultBlock ?? [], scope) : evaluateFor.call(interpreter, node, scope);
  };
  own.applyFilter = (operand, filter, scope) => {
    const name = String(filter.value ?? filter.callee?.value);
    if (operand.type === "UndefinedValue" && Object.hasOwn(OF_NOTHING, name))
      return new Environment().set("one", OF_NOTHING[name]) as unknown as Value;
    // Filters of text take what `str` makes of anything else.
    const written = OF_TEXT.has(name) && operand.type !== "StringValue" ? new text(pythonText(operand)) : operand;
    return applyFilter.call(interpreter, written, filter, scope);
  };
  own.evaluateBinaryExpression = (node, scope) => {
    const operator = node.operator!.value;
    if (!["+", "~", "==", "!="].includes(operator)) return evaluateBinaryExpression.call(interpreter, node, scope);
    const left = own.evaluate(node.left!, scope);
    const right = own.evaluate(node.right!, scope);
    switch (operator) {
      case "~":
        return new text(pythonText(left) + pythonText(right));
      case "==":
        return new truth(isEqual(left, right));
      case "!=":
        return new truth(!isEqual(left, right));
      default:
        return sum(left, right);
    }
  };
  return interpreter;
}

/** The classes of values are not exported; a variable of that kind has one. */
const classOf = (value: unknown): Make => new Environment().set("one", value).constructor as unknown as Make;

function sum(left: Value, right: Value): Value {
  const make = (of: Value, value: unknown): Value => new (of.constructor as Make)(value);
  if (left.type === "StringValue" && right.type === "StringValue")
    return make(left, (left.value as string) + (right.value as string));
  if (isList(left) && isList(right)) return make(left, [...(left.value as Value[]), ...(right.value as Value[])]);
  if (left.type.match(/^(?:Integer|Float)/) && right.type.match(/^(?:Integer|Float)/))
    return make(left.type === "FloatValue" ? left : right, (left.value as number) + (right.value as number));
  throw new Error(`cannot add ${kindOf(left)} and ${kindOf(right)}`);
}

const isList = ({ type }: Value): boolean => type === "ArrayValue" || type === "TupleValue";
const kindOf = ({ type }: Value): string => type.replace(/Value$/, "").toLowerCase();

function isEqual(left: Value, right: Value): boolean {
  if (NUMBERS.has(left.type) && NUMBERS.has(right.type)) return Number(left.value) === Number(right.value);
  if (left.type !== right.type) return false;
  if (isList(left)) {
    const [a, b] = [left.value as Value[], right.value as Value[]];
    return a.length === b.length && a.every((one, i) => isEqual(one, b[i]));
  }
  if (left.type === "ObjectValue") {
    const [a, b] = [left.value as Map<string, Value>, right.value as Map<string, Value>];
    return a.size === b.size && [...a].every(([key, one]) => b.has(key) && isEqual(one, b.get(key)!));
  }
  return left.value === right.value;
}

/** As `str` writes it; nothing for what is not there. */
export function pythonText(value: Value): string {
  if (value.type === "StringValue") return value.value as string;
  return value.type === "UndefinedValue" ? "" : pythonSpelling(value);
}

/** As `repr` writes it. */
function pythonSpelling(value: Value): string {
  switch (value.type) {
    case "StringValue":
      return quoted(value.value as string);
    case "BooleanValue":
      return value.value ? "True" : "False";
    case "NullValue":
      return "None";
    case "ArrayValue":
      return `[${(value.value as Value[]).map(pythonSpelling).join(", ")}]`;
    case "TupleValue": {
      const parts = (value.value as Value[]).map(pythonSpelling);
      return parts.length === 1 ? `(${parts[0]},)` : `(${parts.join(", ")})`;
    }
    case "ObjectValue":
      return `{${[...(value.value as Map<string, Value>)].map(([key, one]) => `${quoted(key)}: ${pythonSpelling(one)}`).join(", ")}}`;
    case "IntegerValue":
    case "FloatValue":
      return String(value);
    default:
      throw new Error(`cannot write ${kindOf(value)}`);
  }
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\\n\r\t]/g, (found) => ESCAPES[found]).replaceAll(quote, `\\${quote}`);
  return `${quote}${escaped.replace(UNPRINTABLE, spelledByte)}${quote}`;
}

/** Control characters, separators but the space, formats and what is no character. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

function spelledByte(found: string): string {
  const code = found.codePointAt(0)!;
  const hex = (digits: number): string => code.toString(16).padStart(digits, "0");
  return code < 0x100 ? `\\x${hex(2)}` : code < 0x10000 ? `\\u${hex(4)}` : `\\U${hex(8)}`;
}
