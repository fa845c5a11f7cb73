/** Reading an instruction: its fields are 32-bit words, counted from the first word after the prefix. */

/** The field as a number. */
export function field(fields: usize, index: i32): i32 {
  return load<i32>(fields + (usize(index) << 2));
}

/** The field as an address: an offset from the arena's base, made absolute. */
export function address(fields: usize, index: i32, base: usize): usize {
  return base + load<u32>(fields + (usize(index) << 2));
}
