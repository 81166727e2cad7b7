/** Names of revisions, as `TIME-HASH`. */

/** The hash alone: a status bar has no room for more, and its tooltip has the whole name. */
export function shortRevision(name: string): string {
  return /-([0-9a-f]{8})$/.exec(name)?.[1] ?? name;
}
