/** Text that came from outside, with everything invisible made visible: what is shown of it can do nothing where it is shown. */

/** C0, DEL, C1, separators, directional and invisible controls, lone surrogates, the byte-order mark, tag characters. */
const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to be found
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udc7f]/g;

/**
 * Foreign text on one line that can neither move the cursor, colour, turn the direction of what follows nor hide:
 * `\x1b` becomes `␛`, a newline `␊`, U+202E `⟨U+202E⟩`, a lone surrogate `�`.
 * @param keep characters left as they are (`"\n\t"` where the layout is kept)
 */
export function visible(text: string, keep = ""): string {
  return text.replace(UNSEEN, (found) => {
    const code = found.codePointAt(0)!;
    if (keep.includes(found)) return found;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return "␡";
    if (code >= 0xd800 && code <= 0xdfff) return "�";
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** `visible` text of at most `most` characters, an ellipsis for what is cut. */
export function shorten(text: string, most: number): string {
  const shown = [...visible(text)];
  return shown.length > most ? `${shown.slice(0, Math.max(0, most - 1)).join("")}…` : shown.join("");
}
