/**
 * What a file is, by its first bytes: text in UTF-8, something that text is read out of (gzip, Parquet), or something that
 * has to be named for what it is, with the step that makes text of it. Names of files decide nothing here.
 */
import { isUtf8 } from "node:buffer";
import { bytesBehindPointer } from "../formats/lfs.ts";
import { sizeText } from "../numeric/amounts.ts";

/** Bytes of a file that are looked at. */
export const HEAD_BYTES = 65536;

export type Kind =
  | { readonly is: "text" | "empty" | "gzip" | "parquet" }
  /** no mark of anything, but bytes that are no text: `utf8.ts` says which one, and what to do */
  | { readonly is: "not UTF-8" | "binary" }
  | {
      readonly is: "other";
      /** as a count of files calls it: `3 image` */
      readonly reason: string;
      /** `a PDF document` */
      readonly what: string;
      /** how to get at its text */
      readonly next: string;
    };

interface Mark {
  /** of the bytes as Latin-1 */
  readonly begins: RegExp;
  readonly reason: string;
  readonly what: string;
  readonly next: string;
  /** formats that are written in characters */
  readonly printed?: true;
}

const NO_TEXT = "name files that hold text";
const image = (what: string, begins: RegExp): Mark => ({ begins, reason: "image", what, next: NO_TEXT });
const sound = (what: string, begins: RegExp): Mark => ({ begins, reason: "sound or film", what, next: NO_TEXT });
const weights = (what: string, begins: RegExp): Mark => ({
  begins,
  reason: "weights",
  what,
  next: "pass a model as MODEL, and text as --text",
});
const program = (what: string, begins: RegExp): Mark => ({ begins, reason: "program", what, next: NO_TEXT });
const packed = (what: string, unpack: string, begins: RegExp): Mark => ({
  begins,
  reason: "archive",
  what,
  next: `unpack it (${unpack} FILE) and name what was in it`,
});
const office = (what: string, begins: RegExp): Mark => ({
  begins,
  reason: "document",
  what,
  next: "convert it (pandoc FILE -t plain -o FILE.txt)",
});
const table = (what: string, begins: RegExp): Mark => ({
  begins,
  reason: "table",
  what,
  next: "save it as CSV, JSON lines or Parquet",
});
/** A pattern of bytes, control characters among them. */
const b = (pattern: TemplateStringsArray): RegExp => new RegExp(pattern.raw[0]);
const zipped = (entry: string): RegExp => new RegExp(`^PK\\x03\\x04[^]*?${entry}`);

/** The first that fits; what is more special stands before what is less. */
const MARKS: readonly Mark[] = [
  {
    begins: b`^\x89LSZ\r\n\x1a\n`,
    reason: "written by lossyscope",
    what: "a file that lossyscope compress wrote",
    next: "give its text back with lossyscope decompress",
  },
  {
    begins: b`^%PDF-`,
    reason: "PDF",
    what: "a PDF document",
    next: "extract its text (pdftotext FILE FILE.txt)",
    printed: true,
  },
  office("an EPUB book", zipped("mimetypeapplication/epub\\+zip")),
  office("an OpenDocument text", zipped("mimetypeapplication/vnd\\.oasis\\.opendocument\\.text")),
  table("an OpenDocument spreadsheet", zipped("mimetypeapplication/vnd\\.oasis\\.opendocument\\.spreadsheet")),
  office("an OpenDocument file", zipped("mimetypeapplication/vnd\\.oasis\\.opendocument")),
  office("a Word document (.docx)", zipped("word/(?:document|_rels|styles|settings|fontTable|theme)")),
  table("an Excel workbook (.xlsx)", zipped("xl/(?:workbook|worksheets|_rels|styles|theme|sharedStrings)")),
  office("a PowerPoint file (.pptx)", zipped("ppt/(?:presentation|slides|_rels|theme|slideLayouts)")),
  office("an Office document", zipped("\\[Content_Types\\]\\.xml")),
  weights("a PyTorch checkpoint", zipped("/data\\.pkl")),
  table("NumPy arrays (.npz)", zipped("\\.npy")),
  packed("a zip archive", "unzip", b`^PK(?:\x03\x04|\x05\x06|\x07\x08)`),
  packed("a tar archive", "tar -xf", b`^[^]{257}ustar[\0 ]`),
  packed("Zstandard data", "zstd -d", b`^\x28\xb5\x2f\xfd`),
  packed("bzip2 data", "bunzip2", b`^BZh[1-9](?:1AY&SY|\x17rE8P\x90)`),
  packed("xz data", "unxz", b`^\xfd7zXZ\0`),
  packed("LZ4 data", "lz4 -d", b`^\x04\x22\x4d\x18`),
  packed("a 7z archive", "7z x", b`^7z\xbc\xaf\x27\x1c`),
  packed("a RAR archive", "unrar x", b`^Rar!\x1a\x07`),
  packed("a Unix compress file", "uncompress", b`^\x1f\x9d`),
  table("an encrypted Parquet file", b`^PARE`),
  table("an Arrow or Feather file", b`^(?:ARROW1\0\0|FEA1)`),
  // The stream format has no mark but its first message: a continuation, a small length, then a flatbuffer of the schema.
  table("an Arrow stream", b`^\xff\xff\xff\xff[^][^]\0\0\x10\0\0\0`),
  table("an ORC file", b`^ORC[\0-\x20]`),
  table("an Avro file", b`^Obj\x01`),
  table("an HDF5 file", b`^\x89HDF\r\n\x1a\n`),
  table("a NumPy array", b`^\x93NUMPY`),
  {
    begins: b`^SQLite format 3\0`,
    reason: "database",
    what: "an SQLite database",
    next: "export the text (sqlite3 -json FILE 'select …')",
  },
  weights("a GGUF model", b`^GGUF[\x01-\x03]\0\0\0`),
  weights("a safetensors file", b`^[^]{4}[^]{2}\0\0\{["} \n\t]`),
  weights("a Python pickle", b`^\x80[\x02-\x05][^]`),
  office("a Word document of before 2007, or another OLE file", b`^\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1`),
  { ...office("a Rich Text document", b`^\{\\rtf1`), printed: true },
  image("a PNG image", b`^\x89PNG\r\n\x1a\n`),
  image("a JPEG image", b`^\xff\xd8\xff`),
  image("a GIF image", b`^GIF8[79]a`),
  image("a WebP image", b`^RIFF[^]{4}WEBP`),
  image("a TIFF image", b`^(?:II\*\0|MM\0\*)`),
  image("a bitmap image", b`^BM[^]{4}\0\0\0\0`),
  image("an icon", b`^\0\0[\x01\x02]\0[\x01-\x40]\0`),
  image("an image or film", b`^\0[^]{3}ftyp`),
  sound("sound", b`^(?:ID3[\x02-\x04]|\xff[\xfb\xf3\xf2]|RIFF[^]{4}WAVE|OggS\0|fLaC|FORM[^]{4}AIF[FC])`),
  sound("a film", b`^(?:\x1a\x45\xdf\xa3|RIFF[^]{4}AVI )`),
  image("a font", b`^(?:wOF[F2]|OTTO\0|\0\x01\0\0\0[\x01-\x40]|ttcf\0)`),
  program("a program", b`^(?:\x7fELF|MZ[^]{58}|\xca\xfe\xba\xbe|[\xcf\xce]\xfa\xed\xfe|\xfe\xed\xfa[\xce\xcf])`),
  program("a WebAssembly module", b`^\0asm`),
  { begins: b`^!<arch>\n`, reason: "program", what: "a library archive (.a, .deb)", next: NO_TEXT, printed: true },
];

/**
 * @param head the file's first `HEAD_BYTES` bytes
 * @param whole whether the file has no more
 */
export function kindOf(head: Buffer, whole: boolean): Kind {
  if (head.length === 0) return { is: "empty" };
  const latin1 = head.toString("latin1");
  if (latin1.startsWith("\x1f\x8b")) return { is: "gzip" };
  if (latin1.startsWith("PAR1")) return { is: "parquet" };
  const marked = markedWide(latin1);
  if (marked) return marked;
  const text = isUtf8(whole ? head : cutAtCharacter(head));
  const controls = share(head, (byte) => isControl(byte));
  // What is text through and through may begin with `BM` or `GIF89a` as it likes.
  const marks = text && controls === 0 ? MARKS.filter(({ printed }) => printed) : MARKS;
  const mark = marks.find(({ begins }) => begins.test(latin1));
  if (mark) return { is: "other", reason: mark.reason, what: mark.what, next: mark.next };
  const stands = bytesBehindPointer(latin1);
  if (stands !== null) {
    return {
      is: "other",
      reason: "git-lfs pointer",
      what: `a git-lfs pointer to ${sizeText(stands)} that were not fetched`,
      next: "run git lfs pull in the clone",
    };
  }
  if (text && controls <= MOST_CONTROLS) return { is: "text" };
  const unmarked = unmarkedWide(head);
  if (unmarked) return unmarked;
  return { is: text || controls > MOST_CONTROLS / 2 ? "binary" : "not UTF-8" };
}

/** Of text: none of them is rarer there than a byte in ten, binary data is full of them. */
const MOST_CONTROLS = 0.1;
/** tab, line feed, vertical tab, form feed, carriage return, backspace, escape */
const SPACING = new Set([8, 9, 10, 11, 12, 13, 27]);

function share(bytes: Uint8Array, is: (byte: number) => boolean): number {
  let count = 0;
  for (const byte of bytes) if (is(byte)) count++;
  return count / bytes.length;
}

/** Without a character that the end of the head cuts. */
export function cutAtCharacter(head: Buffer): Buffer {
  let start = head.length;
  for (let back = 1; back <= Math.min(4, head.length); back++) {
    const byte = head[head.length - back];
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    if (length > back) start = head.length - back;
    break;
  }
  return head.subarray(0, start);
}

const wide = (what: string, from: string): Kind => ({
  is: "other",
  reason: `${what.slice(0, 6)} text`,
  what,
  next: `convert it (iconv -f ${from} -t UTF-8 FILE > FILE.utf8)`,
});

/** UTF-16 and UTF-32 with a byte order mark. */
function markedWide(latin1: string): Kind | null {
  if (latin1.startsWith("\xff\xfe\0\0")) return wide("UTF-32 text, little-endian, with a byte order mark", "UTF-32");
  if (latin1.startsWith("\0\0\xfe\xff")) return wide("UTF-32 text, big-endian, with a byte order mark", "UTF-32");
  if (latin1.startsWith("\xff\xfe")) return wide("UTF-16 text, little-endian, with a byte order mark", "UTF-16");
  if (latin1.startsWith("\xfe\xff")) return wide("UTF-16 text, big-endian, with a byte order mark", "UTF-16");
  return null;
}

/** The same without, by their units. */
function unmarkedWide(head: Buffer): Kind | null {
  if (!head.includes(0)) return null;
  if (isWide32(head, true)) return wide("UTF-32 text, little-endian, without a byte order mark", "UTF-32LE");
  if (isWide32(head, false)) return wide("UTF-32 text, big-endian, without a byte order mark", "UTF-32BE");
  const [little, big] = [asciiIn16(head, true), asciiIn16(head, false)];
  if (Math.max(little, big) === 0) return null;
  return little >= big
    ? wide("UTF-16 text, little-endian, without a byte order mark", "UTF-16LE")
    : wide("UTF-16 text, big-endian, without a byte order mark", "UTF-16BE");
}

/** Of a byte or a unit. */
const isControl = (unit: number): boolean => unit < 0x20 && !SPACING.has(unit);

function isWide32(head: Buffer, little: boolean): boolean {
  const units = Math.floor(head.length / 4);
  if (units < 2 || (head.length % 4 !== 0 && head.length < HEAD_BYTES)) return false;
  for (let i = 0; i < units; i++) {
    const unit = little ? head.readUInt32LE(4 * i) : head.readUInt32BE(4 * i);
    if (unit > 0x10ffff || isControl(unit) || (unit >= 0xd800 && unit < 0xe000)) return false;
  }
  return true;
}

/**
 * @returns how many of its units are ASCII, which in text of any script spaces and line feeds are; none where a unit is no
 * character and no half of a pair
 */
function asciiIn16(head: Buffer, little: boolean): number {
  const units = Math.floor(head.length / 2);
  if (units < 2 || (head.length % 2 !== 0 && head.length < HEAD_BYTES)) return 0;
  let ascii = 0;
  let pending = false;
  for (let i = 0; i < units; i++) {
    const unit = little ? head.readUInt16LE(2 * i) : head.readUInt16BE(2 * i);
    const low = unit >= 0xdc00 && unit < 0xe000;
    if (low !== pending || isControl(unit) || (unit >= 0xe000 && unit < 0xf900)) return 0;
    pending = unit >= 0xd800 && unit < 0xdc00;
    if (unit < 0x80) ascii++;
  }
  return ascii === units || (units >= 4 && ascii > units / 100) ? ascii : 0;
}
