/** Runs the command line in this process and keeps what it says. */
import { vi } from "vitest";
import { main } from "./main.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function run(...args: readonly string[]): Promise<Ran> {
  const keep = (stream: NodeJS.WriteStream): { said: string[]; restore: () => void } => {
    const said: string[] = [];
    const spy = vi.spyOn(stream, "write").mockImplementation((text) => said.push(String(text)) > 0);
    return { said, restore: () => spy.mockRestore() };
  };
  const [out, err] = [keep(process.stdout), keep(process.stderr)];
  try {
    const code = await main(args);
    return { code, out: out.said.join(""), err: err.said.join("") };
  } finally {
    out.restore();
    err.restore();
  }
}
