/** `lossyscope/store`: profiles, trajectories and calibration sets in files. */
export { documentAt, profilesIn, readNamed, readProfile, readTrajectory } from "./profiles.ts";
export { defaultAtlas, loadSet, setNames } from "./sets.ts";
export { similarities } from "./similarity.ts";
