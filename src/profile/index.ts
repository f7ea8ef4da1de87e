/** `lossyscope/profile`: the published document, its types, reading it and naming its figures. */
export type { Almanac, WorldKnowledge } from "./almanac.ts";
export type { Baseline, Coding, CodingFigures } from "./coding.ts";
export type { FactRates, Facts, Knowledge } from "./facts.ts";
export type { Interval } from "./figures.ts";
export { FORESIGHT_SCHEMA, type Foresight, foresightSchema } from "./foresight.ts";
export type { Geometry, GeometryLayer } from "./geometry.ts";
export type { Ledger } from "./ledger.ts";
export { LOCKSTEP_SCHEMA, type Lockstep, type LockstepFigures, lockstepSchema } from "./lockstep.ts";
export type { NextToken, NextTokenFigures } from "./next-token.ts";
export type { Frontier, Information, Plane, PlaneLayer, PlaneOrder } from "./plane.ts";
export { PROFILE_SCHEMA, type Profile, profileSchema } from "./profile.ts";
export { type Figure, figureAt, isTrajectory, parseDocument, parseProfile, parseTrajectory } from "./read.ts";
export { TRAJECTORY_SCHEMA, type Trajectory, trajectorySchema } from "./trajectory.ts";
