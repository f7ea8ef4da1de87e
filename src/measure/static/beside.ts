/** Work that is begun before anybody waits for it, tells how far it is once somebody does, and is ended where nobody will. */
export interface Beside<Result, Told> {
  /** @param tell told what was told last, and everything from then on */
  result(tell: (told: Told) => void): Promise<Result>;
  /** Ends what nobody waits for any more. */
  close(): Promise<void>;
}

/** @param atOnce whether it begins now, or when its result is asked for */
export function beside<Result, Told>(
  work: (signal: AbortSignal, tell: (told: Told) => void) => Promise<Result>,
  { signal, atOnce }: { readonly signal?: AbortSignal; readonly atOnce: boolean },
): Beside<Result, Told> {
  const closing = new AbortController();
  const both = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
  let last: { readonly told: Told } | undefined;
  let hear = (_told: Told): void => {};
  const run = (): Promise<Result> =>
    work(both, (told) => {
      last = { told };
      hear(told);
    });
  let running: Promise<Result> | undefined;
  if (atOnce) {
    running = run();
    // What fails before anybody asks is heard when somebody does.
    running.catch(() => {});
  }
  return {
    result(tell) {
      hear = tell;
      if (last) tell(last.told);
      running ??= run();
      return running;
    },
    async close() {
      closing.abort();
      await running?.catch(() => {});
    },
  };
}
