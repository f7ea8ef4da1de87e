/** What a supervisor and the command that it started say to each other (`supervise.ts`, `supervised.ts`). */

export type ToCommand = { readonly kind: "stop" };

export type FromCommand =
  /** whether the command can stop by itself when asked: what it does has an end of its own, or none that needs one */
  | { readonly kind: "stoppable"; readonly stoppable: boolean }
  /** a file that must not outlive the command, or no longer is one */
  | { readonly kind: "temporary"; readonly path: string; readonly temporary: boolean }
  /** its main thread hears: told again and again while it stops */
  | { readonly kind: "stopping" };
