/** A thread that squeezes tensors, one after the other. */
import { answerTasks } from "../../probes/threads.ts";
import { type MatrixResult, type MatrixTask, squeezeTensor } from "./matrix-task.ts";

answerTasks<MatrixTask, MatrixResult>(squeezeTensor);
