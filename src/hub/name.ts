/**
 * The names of a repository that people type or copy: `org/name[@revision]`, the address of its page
 * (`https://huggingface.co/org/name/tree/rev`, `hf.co/org/name`, with or without the scheme, of a mirror in
 * `HF_ENDPOINT` too) and `hf://org/name@revision`. Pure; whether the repository exists is not known here.
 */
import { LossyscopeError } from "../numeric/errors.ts";

export interface RepositoryName {
  /** `org/name` */
  readonly id: string;
  /** branch, tag or commit; null where the name does not say */
  readonly revision: string | null;
}

/** What a repository is fetched at where its name does not say. */
export const DEFAULT_REVISION = "main";

const HOSTS = ["huggingface.co", "www.huggingface.co", "hf.co", "www.hf.co"];
const PART = /^(?![.-])(?!.*(?:--|\.\.))[\w.-]+(?<![.-])$/;
/** First words of addresses that are no model's. */
const NO_MODELS: Readonly<Record<string, string>> = {
  datasets: "a dataset",
  spaces: "a space",
  buckets: "a bucket",
  collections: "a collection",
  papers: "a paper",
  docs: "a page of the documentation",
};

/**
 * @param endpoint where the Hub is (`HF_ENDPOINT`): addresses there are understood like the Hub's own
 * @throws LossyscopeError `input` where the name is none of a repository of a model
 */
export function parseRepositoryName(name: string, endpoint: string): RepositoryName {
  const path = pathOfAddress(name, endpoint);
  if (path !== null) {
    const { beside, ...repository } = parsePage(name, path);
    if (!/\.gguf$/i.test(beside)) return repository;
    throw new LossyscopeError(
      "input",
      `${name} is a GGUF file, which is read by itself, not here`,
      `measure it as ${repository.id}:${beside}, or pass the model it was converted from`,
    );
  }
  const [, id, revision = null] = /^([^@]*)(?:@(.*))?$/s.exec(name)!;
  const parts = id.split("/");
  if (parts.length !== 2 || !parts.every((part) => PART.test(part))) {
    throw new LossyscopeError(
      "input",
      `there is no folder ${name}`,
      parts.length === 1 ? "models of the Hub are named org/name[@revision]" : "check the path",
    );
  }
  return { id, revision: revision === null ? null : checked(revision) };
}

/** Whether an address is one of the Hub, or of the mirror that is used in its place. */
export const isAtHub = (address: string, endpoint: string): boolean =>
  [endpoint.replace(/^https?:\/\//i, ""), ...HOSTS].some((host) =>
    address
      .replace(/^https?:\/\//i, "")
      .toLowerCase()
      .startsWith(`${host.toLowerCase()}/`),
  );

/** What stands behind the host in an address of the Hub, or null where the name is no address. */
export function pathOfAddress(name: string, endpoint: string): string | null {
  if (/^hf:\/\//i.test(name)) return name.slice("hf://".length);
  const [scheme] = /^https?:\/\//i.exec(name) ?? [""];
  const rest = name.slice(scheme.length);
  const mirror = endpoint.replace(/^https?:\/\//i, "");
  for (const host of [mirror, ...HOSTS]) {
    if (rest.toLowerCase().startsWith(`${host.toLowerCase()}/`)) return rest.slice(host.length + 1);
  }
  if (scheme === "" && !/^[a-z][\w+.-]*:\/\//i.test(name)) return null;
  throw notAPage(name, "is no address of the Hub");
}

const notAPage = (name: string, what: string): LossyscopeError =>
  new LossyscopeError(
    "input",
    `${name} ${what}`,
    "pass a folder, org/name[@revision], or the address of a model's page",
  );

/**
 * @param path behind the host
 * @returns with `beside` the file that the page is of, or empty
 */
export function parsePage(name: string, path: string): RepositoryName & { readonly beside: string } {
  const [given, at, ...more] = path
    .replace(/[?#].*$/s, "")
    .replace(/\/+$/, "")
    .split("@");
  let segments: string[];
  try {
    segments = given.split("/").map(decodeURIComponent);
  } catch {
    throw notAPage(name, "is no address of the Hub");
  }
  if (segments[0] === "models") segments.shift();
  if (Object.hasOwn(NO_MODELS, segments[0])) throw notAPage(name, `is ${NO_MODELS[segments[0]]}, no model`);
  const [org, model, verb, ...rest] = segments;
  if (!PART.test(org) || !PART.test(model ?? "") || more.length > 0) throw notAPage(name, "names no model");
  const id = `${org}/${model}`;
  if (verb === undefined) return { id, revision: at === undefined ? null : checked(at), beside: "" };
  const [revision, beside] = splitRevision(rest);
  if (at !== undefined || revision === "" || !/^(?:tree|blob|resolve|raw|commit|commits)$/.test(verb)) {
    throw notAPage(name, "is no page of a model's files");
  }
  if (verb === "tree" && beside !== "") {
    throw new LossyscopeError("input", `${name} is a folder inside a repository`, `download it and pass the folder`);
  }
  return { id, revision: checked(revision), beside };
}

/** A branch has no slash in the address, except where it is a reference of git: `refs/pr/1`. */
function splitRevision(segments: readonly string[]): [revision: string, beside: string] {
  const length = segments[0] === "refs" ? 3 : 1;
  return [segments.slice(0, length).join("/"), segments.slice(length).join("/")];
}

function checked(revision: string): string {
  const segments = revision.split("/");
  if (!/^[\w./+-]+$/.test(revision) || segments.some((segment) => segment === "" || /^\.+$/.test(segment))) {
    throw new LossyscopeError(
      "input",
      `${JSON.stringify(revision)} is no revision`,
      "name a branch, a tag or a commit",
    );
  }
  return revision;
}

/**
 * What a model is called that is known by the path of its folder: the folder's own name, behind that of its run where it
 * is a checkpoint (`main/step-1000`); `org/name` for a snapshot in the Hub's cache, and for what is no path at all.
 */
export function modelOfPath(path: string): string {
  const parts = path.split(/[\\/]+/).filter((part) => part !== "" && part !== ".");
  const cached = /^models--(.+?)--(.+)$/.exec(parts.at(-3) ?? "");
  if (cached && parts.at(-2) === "snapshots") return `${cached[1]}/${cached[2]}`;
  const [before, own = path] = parts.slice(-2).length === 2 ? parts.slice(-2) : ["", ...parts.slice(-1)];
  if (before !== "" && /^(?:step|checkpoint)[-_]?\d+$/.test(own)) return `${before}/${own}`;
  const isRepository = parts.length === 2 && `${before}/${own}` === path;
  return isRepository ? path : own;
}
