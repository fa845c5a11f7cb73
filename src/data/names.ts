/** Names for a message: quoted, and cut off after `most` of them, since some data sets have thousands. */
export function nameList(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).map((name) => JSON.stringify(name.slice(0, 200)));
  const rest = names.length - shown.length;
  return rest > 0 ? `${shown.join(", ")} and ${rest} more` : shown.join(", ");
}

/** Order by UTF-16 code units: the same on every machine, where `localeCompare` is not. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
