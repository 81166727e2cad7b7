/** What `homespun models list --json` says of the bases, and how that is said to people. Pure: the text is given. */

/** The base that ships with homespun and answers until a better one is here. */
export const STARTER = "starter";

/** A base that this machine would better have. */
export interface Better {
  readonly name: string;
  /** Bytes, where they are known. */
  readonly size: number | undefined;
  /** Bytes that are here from a time before. */
  readonly fetched: number;
}

interface Row {
  readonly name: string;
  readonly here: boolean;
  readonly recommended?: boolean;
  readonly size?: number | null;
  readonly fetched?: number;
}

interface Listed {
  readonly chosen: string | null;
  readonly models: readonly Row[];
}

/** The base that is used where none is named. */
export function chosenIn(listed: string): string | null {
  return (JSON.parse(listed) as Listed).chosen;
}

/** What is recommended and not here, while the starter is in use. */
export function betterIn(listed: string): Better | undefined {
  const { chosen, models } = JSON.parse(listed) as Listed;
  const row = models.find((one) => one.recommended === true && !one.here);
  if (chosen !== STARTER || row === undefined) {
    return undefined;
  }
  return { name: row.name, size: row.size ?? undefined, fetched: row.fetched ?? 0 };
}

/** "0.5 GB", "12 MB". */
function amount(bytes: number): string {
  return bytes >= 1e8 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`;
}

/** "Get a better model (0.5 GB, 0.2 GB of it here)". */
export function offerOf({ size, fetched }: Better): string {
  const parts = size === undefined ? [] : [amount(size)];
  if (fetched > 0) {
    parts.push(`${amount(fetched)} of it here`);
  }
  return `Get a better model${parts.length > 0 ? ` (${parts.join(", ")})` : ""}`;
}

/** "123 of 491 MB": how far a fetch is. */
export function progressOf(bytes: number, total: number | null): string {
  const here = Math.round(bytes / 1e6);
  return total === null ? `${here} MB` : `${here} of ${Math.round(total / 1e6)} MB`;
}

/** The menu's entry for a better base: one, or none. */
export function betterEntries(better: Better | undefined): { label: string; description: string; command: string }[] {
  if (better === undefined) {
    return [];
  }
  const description = `${better.name}, in place of the ${STARTER}`;
  return [{ label: `$(cloud-download) ${offerOf(better)}`, description, command: "better" }];
}
