/** What becomes of warnings where nobody asked for them. */
export function emitWarning(message: string): void {
  process.emitWarning(message);
}
