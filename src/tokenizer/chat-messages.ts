/** What goes between the renderer of conversations and the process that runs a model's template. */

export interface ToChatChild {
  readonly template: string;
  /** what the template sees, by name */
  readonly items: Readonly<Record<string, unknown>>;
}

export type FromChatChild =
  | { readonly kind: "text"; readonly text: string }
  /** the template itself refused, in its own words */
  | { readonly kind: "refused"; readonly message: string }
  /** it asked for the time */
  | { readonly kind: "asks time" }
  /** the template could not be parsed or run */
  | { readonly kind: "failed"; readonly message: string; readonly parsed: boolean };
