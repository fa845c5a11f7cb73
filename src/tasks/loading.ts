/** The one place where sources wait for what must be loaded before it is written. */

/** What is in memory is written at once; what has `load` is written by what it gives. */
interface Loadable<Place, Writer> {
  load?(places: readonly Place[]): Promise<Writer>;
}

/** Calls `then` with what writes these places: at once, or after they were loaded. */
export function whenLoaded<Place, Writer, T>(
  source: Writer & Loadable<Place, Writer>,
  places: () => readonly Place[],
  then: (writer: Writer) => T,
): T | Promise<T> {
  return source.load === undefined ? then(source) : source.load(places()).then(then);
}

export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Partial<Promise<T>> | undefined)?.then === "function";
}
