/**
 * How the way from a name to an open model shows itself: that the cache stands in for the Hub; or what and how much is
 * downloaded, and where to, before the first byte, then the bytes; and what of it was left aside or read otherwise.
 */

import { unreachable } from "../numeric/errors.ts";
import type { OpenEvent } from "../references/open.ts";
import { counted, si, visible } from "../report/format.ts";
import type { Progress } from "../report/progress.ts";

/** For `openModel`'s `onDownload`, and `resolveModel`'s `onProgress`. */
export function downloadProgress(progress: Progress): (event: OpenEvent) => void {
  let started = false;
  return (event) => {
    switch (event.kind) {
      case "cache":
        progress.message(
          `${event.reason}: using ${event.model} as the cache has it, commit ${event.commit.slice(0, 12)}`,
        );
        return;
      case "download":
        if (!started) {
          progress.message(
            `downloading ${event.model}: ${si(event.total, "B")} in ${counted(event.files, "file")} to ${event.cache}`,
          );
          progress.start("downloading", event.total, "bytes", event.done);
          started = true;
        }
        progress.update(event.done);
        if (event.done === event.total) progress.finish();
        return;
      case "note":
        progress.message(visible(event.note));
        return;
      default:
        unreachable(event);
    }
  };
}
