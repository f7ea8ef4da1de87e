/** A profile or a trajectory as a page, as text and in one line, whichever it is. */
import type { Profile } from "../profile/profile.ts";
import { isTrajectory } from "../profile/read.ts";
import type { Trajectory } from "../profile/trajectory.ts";
import { plainText } from "./findings.ts";
import { headline } from "./headline.ts";
import { renderReport } from "./html.ts";
import { renderTerminal } from "./terminal.ts";
import type { TerminalOptions } from "./terminal-options.ts";
import { trajectoryPage } from "./trajectory/page.ts";
import { courseClaim, trajectoryBlocks } from "./trajectory/text.ts";

/** One HTML file that opens offline. */
export const documentPage = (document: Profile | Trajectory): string =>
  isTrajectory(document) ? trajectoryPage(document) : renderReport(document);

export const documentText = (document: Profile | Trajectory, options: TerminalOptions): string =>
  isTrajectory(document) ? plainText(trajectoryBlocks(document), options) : renderTerminal(document, options);

/** What it says first. */
export const documentClaim = (document: Profile | Trajectory): string =>
  isTrajectory(document) ? courseClaim(document) : headline(document).claim;

/** What it is called among others. */
export const documentName = (document: Profile | Trajectory): string =>
  isTrajectory(document) ? document.run.name : document.model.name;
