/** `lossyscope/store`: profiles, trajectories and calibration sets in files. */
export { profilesIn, readProfile, readTrajectory } from "./profiles.ts";
export { defaultAtlas, loadSet, setNames } from "./sets.ts";
export { similarities } from "./similarity.ts";
