import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { shared } from "../fixtures.testing.ts";
import { type KnownModel, knownLicence, knownModels, knownTraining, readLedger } from "./ledger-known.ts";

const original = shared("../reference/model-ledger.csv");

describe("the ledger of known models", () => {
  it("holds figures that agree with each other", () => {
    const number = (row: Readonly<Record<string, string>>, column: string) =>
      row[column] ? Number(row[column]) : undefined;
    expect(knownModels().length).toBe(80);
    for (const row of knownModels()) {
      const tokens = number(row, "training_tokens");
      const each = number(row, "bytes_per_token");
      const bytes = number(row, "approx_training_bytes");
      const weights = number(row, "weight_bytes_bf16");
      const parameters = number(row, "params_total");
      if (tokens && each && bytes) expect(Math.abs(bytes / (tokens * each) - 1), row.model).toBeLessThan(1e-3);
      if (parameters) expect(weights, row.model).toBe(2 * parameters);
      const ratio = number(row, "training_bytes_over_weight_bytes");
      if (ratio && bytes && weights) expect(Math.abs(ratio / (bytes / weights) - 1), row.model).toBeLessThan(1e-3);
      expect(row.source === "" && (tokens || parameters), row.model).toBeFalsy();
    }
  });

  it.skipIf(!existsSync(original))("is the reference's, its recalled cells blank (needs ../shared/reference)", () => {
    const decides = {
      params_status: ["params_total", "params_basis", "weight_bytes_bf16"],
      tokens_status: ["training_tokens", "tokens_note", "approx_training_bytes"],
      release_licence_status: ["release_date", "licence"],
    };
    const source = readLedger(readFileSync(original, "utf8"), original);
    expect(knownModels().map(({ model }) => model)).toEqual(source.map(({ model }) => model));
    knownModels().forEach((row, index) => {
      const from = source[index];
      for (const [column, cell] of Object.entries(row) as [keyof KnownModel, string][]) {
        if (cell !== "" && !from[column].includes("recalled"))
          expect(cell, `${row.model} ${column}`).toBe(from[column]);
        if (!column.endsWith("_status")) expect(cell, `${row.model} ${column}`).not.toContain("recalled");
      }
      for (const [status, columns] of Object.entries(decides) as [keyof KnownModel, (keyof KnownModel)[]][]) {
        if (from[status] === "recalled") for (const column of columns) expect(row[column], row.model).toBe("");
      }
      if (/recalled/.test(from.release_licence_status)) expect(row.release_date, row.model).toBe("");
    });
  });
});

describe("knownTraining", () => {
  const parameters = (model: string) => Number(knownModels().find((row) => row.model === model)!.params_total);
  const tokens = (name: string, model: string) => knownTraining(name, parameters(model)).training?.tokens;

  it("finds models under the names the Hub gives them", () => {
    expect(tokens("HuggingFaceTB/SmolLM2-135M", "smollm2-135m")).toBe(2e12);
    expect(tokens("meta-llama/Llama-2-7b-hf", "llama-2-7b")).toBe(2e12);
    expect(tokens("meta-llama/Meta-Llama-3-8B", "llama-3-8b")).toBe(1.5e13);
    expect(tokens("meta-llama/Llama-3.2-1B", "llama-3.2-1b")).toBe(9e12);
    expect(tokens("google/gemma-3-1b-pt", "gemma-3-1b")).toBe(2e12);
    expect(tokens("Qwen/Qwen3-0.6B-Base", "qwen3-0.6b")).toBe(3.6e13);
    expect(tokens("microsoft/phi-1_5", "phi-1.5")).toBe(1.5e11);
    expect(tokens("allenai/OLMo-2-1124-7B", "olmo-2-7b")).toBe(4.05e12);
    expect(tokens("EleutherAI/pythia-1.4b-deduped@step143000", "pythia-1.4b")).toBe(2.99893e11);
    expect(tokens("/models/cerebras-gpt-111M", "cerebras-gpt-111M")).toBe(2.22e9);
  });

  it("does not guess", () => {
    expect(tokens("Qwen/Qwen2.5-0.5B-Instruct", "qwen2.5-0.5b")).toBeUndefined();
    expect(tokens("google/gemma-2-2b-it", "gemma-2-2b")).toBeUndefined();
    expect(tokens("someone/llama", "llama-7b")).toBeUndefined();
    expect(knownTraining("EleutherAI/gpt-neox-20b", 20554567680)).toMatchObject({
      training: null,
      why: expect.stringContaining("an unknown number of parameters"),
    });
  });

  it("says where its bytes come from", () => {
    expect(knownTraining("smollm2-135m", 134_515_008).training).toEqual({
      tokens: 2e12,
      bytes: 8e12,
      bytesPerToken: 4,
      source: "model cards, reports and a curated public list cross-checked",
      note: "2 T; bytes: generic assumption",
    });
  });

  it("has no two rows for one name", () => {
    for (const { model, params_total } of knownModels()) {
      if (params_total !== "") expect(knownTraining(model, Number(params_total)).training, model).not.toBeNull();
    }
  });
});

it("knows licences that were seen, of the model itself", () => {
  expect(knownLicence("EleutherAI/pythia-70m", 70_426_624)).toBe("Apache-2.0");
  expect(knownLicence("EleutherAI/pythia-70m", 80_000_000)).toBeNull();
  // recalled only
  expect(knownLicence("openai-community/gpt2", 124_439_808)).toBeNull();
});
