/** How long work tells how far it is; `report/` shows it, tests count it. */
export interface ProgressSink {
  start(label: string, total: number | null, unit: string, done?: number): void;
  update(done: number, note?: string): void;
  finish(): void;
  message(line: string): void;
}

/** Shows work whose total is known only once it has begun. */
export async function withProgress<T>(
  progress: ProgressSink,
  label: string,
  unit: string,
  work: (update: (done: number, total: number, note?: string) => void) => Promise<T>,
): Promise<T> {
  let started = false;
  const result = await work((done, total, note) => {
    if (!started) progress.start(label, total, unit);
    started = true;
    progress.update(done, note);
  });
  progress.finish();
  return result;
}
