/** `lossyscope/report`: a profile or a trajectory as one HTML file, a profile as a summary for the terminal, and progress lines. */
export { documentPage } from "./document.ts";
export { renderReport } from "./html.ts";
export { createProgress, type Progress } from "./progress.ts";
export { renderTerminal } from "./terminal.ts";
export { type TerminalOptions, terminalOptions } from "./terminal-options.ts";
