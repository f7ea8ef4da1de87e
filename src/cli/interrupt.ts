/**
 * Asking the work to stop: an abort signal, at the first SIGINT or SIGTERM that this process hears, or when its supervisor
 * asks (`supervise.ts`, which also ends it at the second). Without a supervisor the second one ends the process once it is
 * heard, which a main thread that computes does not do.
 */

/** Calls `stop` when somebody wants the work to stop. @returns a function that ends the listening */
export type Listen = (stop: () => void) => () => void;

const toSignals: Listen = (stop) => {
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return () => {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  };
};

let listen = toSignals;

/** From now on it is not signals that ask. */
export function askedBy(other: Listen): void {
  listen = other;
}

export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const leave = listen(() => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  });
  try {
    return await work(controller.signal);
  } finally {
    leave();
  }
}
