/**
 * The command line as a child of its supervisor (`supervise.ts`), which alone hears signals: it is asked to stop by message,
 * says while it stops that it is not stuck, and tells of files that somebody must remove if it is killed.
 */
import { liveAsChild } from "../files/lifeline.ts";
import { tellOfTemporaries } from "../files/temporary.ts";
import { askedBy } from "./interrupt.ts";
import { main } from "./main.ts";
import type { FromCommand, ToCommand } from "./supervise-messages.ts";

const STOPPING_MILLISECONDS = 500;

const tell = (message: FromCommand): void => {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
};

liveAsChild();
// Before the thread of `liveAsChild` looks: what runs at exit still runs.
process.on("disconnect", () => process.exit(130));
tellOfTemporaries((path, temporary) => tell({ kind: "temporary", path, temporary }));
askedBy((stop) => {
  const hear = ({ kind }: ToCommand): void => {
    if (kind !== "stop") return;
    stop();
    tell({ kind: "stopping" });
    setInterval(() => tell({ kind: "stopping" }), STOPPING_MILLISECONDS).unref();
  };
  process.on("message", hear);
  // The channel alone is no reason to stay.
  process.channel?.unref();
  tell({ kind: "stoppable", stoppable: true });
  return () => {
    process.off("message", hear);
    tell({ kind: "stoppable", stoppable: false });
  };
});
process.channel?.unref();
process.exitCode = await main(process.argv.slice(2));
