/** The tool's own version, as package.json has it (`version.test.ts`), and the mark that it leaves in its pages. */
export const VERSION = "0.1.0";

/** What the head of every report page has. */
export const REPORT_MARK = '<meta name="generator" content="lossyscope';
