/**
 * The process in which a model's chat template runs: a program that came with the model, which may run for ever or ask for
 * any amount of memory. It sees the conversation and the names of special tokens, and neither files nor the time:
 * `strftime_now` is not there, so that a template which asks whether it is takes its fixed date.
 */
import { Environment, Template } from "@huggingface/jinja";
import { liveAsChild } from "../files/lifeline.ts";
import type { FromChatChild, ToChatChild } from "./chat-messages.ts";
import { AsksTime, pythonInterpreter } from "./chat-python.ts";

class Refused extends Error {}

const GLOBALS: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  raise_exception: (message: unknown) => {
    throw new Refused(String(message));
  },
  range: (start: number, stop?: number, step = 1): number[] => {
    const [from, to] = stop === undefined ? [0, start] : [start, stop];
    const length = step === 0 ? Number.NaN : Math.max(0, Math.ceil((to - from) / step));
    // What Python's own sandbox allows.
    if (!(length <= 100_000)) throw new Error(`range(${from}, ${to}, ${step}) is too long`);
    return Array.from({ length }, (_, i) => from + i * step);
  },
};

/** The library says in its own errors what it does not do; of others it has not thought. */
function said(error: unknown): string {
  if (error instanceof RangeError)
    return /stack/.test(error.message) ? "it nests too deeply" : "something in it grows too large";
  if (error instanceof TypeError || error instanceof ReferenceError) return "it asks a value for what it does not have";
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith("Cannot call something")) return "it calls what cannot be called";
  return message.replace(/\bundefined\b/g, "nothing").replace(/\[object \w*\]/g, "a value");
}

const programs = new Map<string, Template["parsed"]>();

function render({ template, items }: ToChatChild): FromChatChild {
  let program = programs.get(template);
  try {
    program ??= new Template(template).parsed;
    programs.set(template, program);
  } catch (error) {
    return { kind: "failed", message: said(error), parsed: false };
  }
  try {
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...items })) environment.set(name, value);
    return { kind: "text", text: String(pythonInterpreter(environment).run(program).value) };
  } catch (error) {
    if (error instanceof Refused) return { kind: "refused", message: error.message };
    if (error instanceof AsksTime) return { kind: "asks time" };
    return { kind: "failed", message: said(error), parsed: true };
  }
}

process.on("message", (message: ToChatChild) => process.send!(render(message)));
process.once("disconnect", () => process.exit(0));
liveAsChild();
