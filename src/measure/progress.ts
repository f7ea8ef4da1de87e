/** How long work tells how far it is; `report/` shows it, tests count it. */
export interface ProgressSink {
  start(label: string, total: number | null, unit: string, done?: number): void;
  update(done: number, note?: string): void;
  finish(): void;
  message(line: string): void;
}
