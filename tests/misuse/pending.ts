/** Public functions that are not held to the law of misuse yet. Remove a name when its entry is added. */
export const PENDING: readonly string[] = [];
