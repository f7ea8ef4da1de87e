/** What a run will do, before it does it: the document that `--dry-run --json` prints, and that people read in the terminal. */
import { z } from "zod";
import { count } from "./figures.ts";

/** Name and version of what `--dry-run --json` prints. */
export const FORESIGHT_SCHEMA = "lossyscope.foresight/2";

const missingSchema = z.array(
  z
    .object({
      figure: z.string().meta({ description: "path of the figure in the profile" }),
      reason: z.string().meta({ description: "why it will be missing, with the numbers" }),
      remedy: z.string().meta({ description: "what would make it possible" }),
      have: z.number().meta({ description: "how much there is of what it takes" }),
      needs: z.number().meta({ description: "how much it takes" }),
      bound: z.enum(["least", "most"]).meta({ description: "whether that is the least or the most" }),
      unit: z.string().meta({ description: "what is counted" }),
    })
    .meta({ id: "Missing", description: "a figure that will be missing" }),
);

const runSchema = z.object({
  part: z.string().nullable().meta({ description: "which of several runs; null where there is one" }),
  model: z
    .object({
      name: z.string().meta({ description: "as the profile will name it" }),
      revision: z.string().nullable().meta({ description: "commit of a model from the Hub, or null" }),
      architecture: z.string().nullable().meta({ description: "model_type of its config; null where it is not known" }),
      layers: count.nullable().meta({ description: "blocks; null where none can be seen" }),
      width: count.nullable().meta({ description: "dimensions of the hidden state; null where none can be seen" }),
      vocabulary: count.meta({ description: "tokens that it gives a probability" }),
      parameters: count.nullable().meta({ description: "numbers in its weights; null where they are not at hand" }),
    })
    .meta({ description: "what is run" }),
  text: z
    .object({
      name: z.string().meta({ description: "the text's own name; never a path" }),
      documents: count.meta({ description: "documents" }),
      bytes: count.meta({ description: "UTF-8 bytes" }),
      tokens: count.meta({ description: "tokens, without prefixes" }),
      unit: z.enum(["document", "block"]).meta({ description: "what intervals resample, METHODS §0" }),
      units: count.meta({ description: "how many of them there are" }),
      unseen: count.nullable().meta({ description: "documents of unseen text; null where none is given" }),
    })
    .nullable()
    .meta({ description: "what is read; null where no text is" }),
  facts: z
    .object({
      name: z.string().meta({ description: "name of the file" }),
      facts: count.meta({ description: "facts asked for" }),
      questions: count.meta({ description: "prompts of them" }),
    })
    .nullable()
    .meta({ description: "what is asked for; null where no facts are" }),
  pass: z
    .object({
      context: count.meta({ description: "tokens of a window at most, prefix included" }),
      windows: count.meta({ description: "windows" }),
      batches: count.meta({ description: "batches of windows" }),
      slots: count.meta({ description: "tokens that go through the model, those read again and padding among them" }),
    })
    .nullable()
    .meta({ description: "how the text goes through the model; null where no text does" }),
  sent: z
    .object({
      requests: count.meta({ description: "requests, one a window" }),
      tokens: count.meta({ description: "tokens of their prompts" }),
      price: z.number().nullable().meta({ description: "what they cost; null where no price was given" }),
    })
    .optional()
    .meta({ description: "what is sent to a server, about; absent where the model runs here" }),
  held: z
    .object({
      codeBytes: count.meta({ description: "bytes of what is multiplied by as codes under scales" }),
      floatBytes: count.meta({ description: "bytes of what is float32" }),
      floatTypes: z.array(z.string()).meta({ description: "what that is stored as" }),
    })
    .optional()
    .meta({ description: "what weights are as they run; absent where all are stored as plain floats" }),
  streams: z
    .object({
      reads: count.meta({ description: "times that all weights are read" }),
      bytes: count.meta({ description: "bytes that they take where they are read from" }),
    })
    .optional()
    .meta({ description: "weights that are read piece by piece; absent where all are held" }),
  training: z
    .object({
      steps: count.meta({ description: "steps" }),
      settles: z.boolean().meta({ description: "whether it ends before where no more is learned" }),
      rows: count.meta({ description: "rows of a step" }),
      positions: count.meta({ description: "tokens of a row" }),
      tokens: count.meta({ description: "tokens that are learned from, those read again among them" }),
      heldOutTokens: count.meta({ description: "tokens that every checkpoint is tried on; 0 without" }),
      checkpoints: count.meta({ description: "checkpoints that are left" }),
      checkpointBytes: count.meta({ description: "bytes of the weights of one" }),
    })
    .nullable()
    .meta({ description: "how the model learns; null where it does not" }),
  stages: z
    .array(
      z.object({
        label: z.string().meta({ description: "name, as progress has it" }),
        seconds: z.number().meta({ description: "about how long it takes" }),
      }),
    )
    .meta({ description: "what is done, in order, the reading of text and digests left out" }),
  seconds: z
    .number()
    .nullable()
    .meta({ description: "about how long all of it takes; null where nothing tells how long the model does" }),
  memoryBytes: count
    .nullable()
    .meta({ description: "memory that the model takes at most, about; null where nothing tells" }),
  diskBytes: count.meta({ description: "temporary disk space" }),
  missing: missingSchema.meta({ description: "figures that will be missing, with what they would take" }),
});

/** What `--dry-run --json` prints, as zod checks it. */
export const foresightSchema = z.object({
  schema: z.literal(FORESIGHT_SCHEMA).meta({ description: "this schema and its version" }),
  runs: z.array(runSchema).meta({ description: "every model that is run, in order" }),
  missing: missingSchema.meta({ description: "what will be missing of all runs together" }),
  writes: z.array(z.string()).meta({ description: "files that are written" }),
  seconds: z.number().nullable().meta({ description: "about how long all runs take; null where that of one is" }),
  memoryBytes: count.nullable().meta({ description: "the most of any run; null where that of one is" }),
  diskBytes: count.meta({ description: "the most of any run" }),
  rates: z
    .object({
      start: z.number().meta({ description: "seconds until the runtime's process stands ready" }),
      products: z.number().meta({ description: "multiply-adds a second of the runtime, at the model's width" }),
      loop: z.number().meta({ description: "multiply-adds a second of a loop on one thread" }),
    })
    .meta({ description: "this machine just now, as a short trial found it; the seconds follow from them" }),
});
export type Foresight = z.infer<typeof foresightSchema>;
export type ForeseenRun = z.infer<typeof runSchema>;
