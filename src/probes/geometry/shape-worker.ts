/** A thread that makes the figures of layers, one after the other. */
import type { GeometryLayer } from "../../profile/geometry.ts";
import { answerTasks } from "../threads.ts";
import { type GatheredLayer, layerShape } from "./geometry.ts";

answerTasks<GatheredLayer, GeometryLayer>(layerShape);
