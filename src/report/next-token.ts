/** What is said of the next token, in sentences (METHODS §1.5). */
import type { NextToken } from "../profile/next-token.ts";
import { count, shareOf } from "./format.ts";

export const nextTokenSentence = ({ overall: { tokens, accuracy, confidence, calibrationError } }: NextToken): string =>
  `Of ${count(tokens)} predicted tokens the likeliest is right for ${shareOf(accuracy)}, at a mean confidence of ${shareOf(confidence)}; confidence is off by ${shareOf(calibrationError)} on average.`;
