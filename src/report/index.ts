/** `lossyscope/report`: a profile as one HTML file or as a summary for the terminal, and progress lines. */
export { renderReport } from "./html.ts";
export { createProgress, type Progress } from "./progress.ts";
export { renderTerminal } from "./terminal.ts";
export { type TerminalOptions, terminalOptions } from "./terminal-options.ts";
