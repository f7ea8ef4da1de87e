/** How a download shows itself: what and how much is fetched, and where to, before the first byte; then the bytes. */
import type { DownloadProgress } from "../hub/resolve.ts";
import { si } from "../report/format.ts";
import type { Progress } from "../report/progress.ts";

/** For `resolveModel`'s `onProgress`. */
export function downloadProgress(progress: Progress): (state: DownloadProgress) => void {
  let started = false;
  return ({ model, done, total, files, cache }) => {
    if (!started) {
      progress.message(`downloading ${model}: ${si(total, "B")} in ${files} files to ${cache}`);
      progress.start("downloading", total, "bytes", done);
      started = true;
    }
    progress.update(done);
    if (done === total) progress.finish();
  };
}
