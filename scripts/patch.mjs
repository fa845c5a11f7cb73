/** A file as what it takes over from another: how the second build of the core lies in the package beside the first. */

/** Shortest run of bytes that is worth a reference. */
const LEAST = 8;

function varint(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

/**
 * What `patched` of src/core/relaxed.ts turns `from` into `to` by. Repeats to the end: a count of new bytes, the place and
 * length of a run in `from` (LEB128 each), and the new bytes, which come before the run.
 */
export function patchOf(from, to) {
  const places = new Map();
  const window = (bytes, at) => bytes.toString("latin1", at, at + LEAST);
  for (let at = 0; at + LEAST <= from.length; at++) {
    const key = window(from, at);
    places.set(key, [...(places.get(key) ?? []), at]);
  }
  const longest = (at) => {
    let found = { place: 0, length: 0 };
    for (const place of places.get(window(to, at)) ?? []) {
      let length = 0;
      while (at + length < to.length && from[place + length] === to[at + length]) length++;
      if (length > found.length) found = { place, length };
    }
    return found;
  };
  const patch = [];
  let fresh = [];
  let at = 0;
  while (at < to.length) {
    const { place, length } = longest(at);
    if (length < LEAST) {
      fresh.push(to[at++]);
      continue;
    }
    patch.push(...varint(fresh.length), ...varint(place), ...varint(length), ...fresh);
    fresh = [];
    at += length;
  }
  patch.push(...varint(fresh.length), 0, 0, ...fresh);
  return Buffer.from(patch);
}
