/** Runs the command line in this process, where there is room for every table, and keeps what it says. */
import { vi } from "vitest";
import { main } from "./main.ts";

export interface Execution {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const WIDTH = "200";

export async function run(...args: readonly string[]): Promise<Execution> {
  const keep = (stream: NodeJS.WriteStream): { said: string[]; restore: () => void } => {
    const said: string[] = [];
    const spy = vi.spyOn(stream, "write").mockImplementation((text) => said.push(String(text)) > 0);
    return { said, restore: () => spy.mockRestore() };
  };
  const [out, err] = [keep(process.stdout), keep(process.stderr)];
  const { COLUMNS } = process.env;
  process.env.COLUMNS = WIDTH;
  try {
    const code = await main(args);
    return { code, out: out.said.join(""), err: err.said.join("") };
  } finally {
    if (COLUMNS === undefined) delete process.env.COLUMNS;
    else process.env.COLUMNS = COLUMNS;
    out.restore();
    err.restore();
  }
}
