/** What is said of the next token, in sentences (METHODS §1.5). */
import type { NextToken } from "../profile/next-token.ts";
import { count, shareOf } from "./format.ts";

export const nextTokenSentence = ({ overall: { tokens, accuracy, confidence, calibrationError } }: NextToken): string =>
  `Of ${count(tokens)} predicted tokens the likeliest is right for ${shareOf(accuracy)}, held for probable at ${shareOf(confidence)} on average; its confidence is off by ${shareOf(calibrationError)}.`;
