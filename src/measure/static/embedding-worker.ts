/** A thread that looks at an embedding matrix: tells the share done. */
import { answerTasks } from "../../probes/threads.ts";
import { type MatrixShape, type MatrixTask, matrixSteps } from "./embedding.ts";

answerTasks<MatrixTask, MatrixShape | null, number>((task, tell) => {
  const steps = matrixSteps(task);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return step.value;
    tell(step.value);
  }
});
