/** A runtime for one piece of work: started, stopped when asked to, closed whatever comes. */
import { LossyscopeError } from "../numeric/errors.ts";
import { createRuntime, type Runtime, type RuntimeContext } from "./runtime.ts";

/**
 * @param work may use the runtime until it is done
 * @throws LossyscopeError `interrupted` where `signal` was aborted, before or meanwhile; else what `work` throws
 */
export async function withRuntime<T>(
  context: RuntimeContext,
  signal: AbortSignal | undefined,
  work: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw stopped();
  const runtime = createRuntime(context);
  const stop = (): void => void runtime.close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    return await work(runtime);
  } catch (error) {
    throw signal?.aborted ? stopped() : error;
  } finally {
    signal?.removeEventListener("abort", stop);
    await runtime.close();
  }
}

const stopped = (): LossyscopeError => new LossyscopeError("interrupted", "stopped");
