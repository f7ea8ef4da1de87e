/** What a reader has to know of conversations: whose template wrote the text, and what it comes to for what was said (METHODS §0). */
import type { Profile } from "../profile/profile.ts";
import { counted, figure, percent, si } from "./format.ts";

/** Code length over the bytes of the messages alone: the same denominator for every model, whatever its template writes. */
export function bitsPerMessageByte({ coding, corpus }: Profile): number | null {
  const bits = coding?.overall.bitsPerByte.value ?? null;
  const bytes = corpus.chat?.messageBytes ?? null;
  return bits === null || bytes === null || bytes === 0 ? null : (bits * corpus.bytes) / bytes;
}

export function saidOfChat(profile: Profile, chat: NonNullable<Profile["corpus"]["chat"]>): string {
  const { conversations, messages, messageBytes, template } = chat;
  const rendered = `${counted(conversations, "conversation")} of ${counted(messages, "message")}, rendered by the model's own chat template (${template})`;
  const bits = bitsPerMessageByte(profile);
  if (messageBytes === null) return `${rendered}.`;
  const share =
    profile.corpus.bytes === 0
      ? ""
      : `: ${percent(Math.max(0, 1 - messageBytes / profile.corpus.bytes))} of the text is the template's`;
  const each =
    bits === null ? "" : `; ${figure(bits)} bits for each byte of the ${si(messageBytes, "B")} that the messages say`;
  return `${rendered}${share}${each}.`;
}
