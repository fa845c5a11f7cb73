/** The build with relaxed SIMD, apart from the core: a page that only adapts and predicts does not load it. */
import { relaxedPatchText } from "../../build/core.js";
import { requireBoolean, requireOptions } from "../arguments.ts";
import { decode, plainBytes } from "./bytes.ts";
import { Core, type CreateOptions, requireCreateOptions } from "./core.ts";

/** Which build of the core. */
export interface CoreOptions {
  /**
   * Takes the build with relaxed SIMD where the runtime has it: faster, but results differ between runtimes in their last
   * bits. Where the runtime or the bundle (`quickstudy.min.js`) lacks it the plain build is taken, with the bits it has
   * everywhere; `relaxed` of what was made says which it is. False by default.
   */
  readonly relaxed?: boolean;
}

/**
 * @param others options of the operation that are not the core's
 * @throws OptionError, naming the operation, for an unknown option or one of the wrong kind
 */
export function requireCoreOptions(operation: string, options: CoreOptions, others: readonly string[] = []): void {
  requireOptions(operation, options, ["relaxed", ...others]);
  if (options.relaxed !== undefined) requireBoolean(`${operation}: relaxed`, options.relaxed);
}

/** The bytes of one of the builds of the core that are in the package, supported here or not. */
export function coreBytes(options: CoreOptions = {}): Uint8Array<ArrayBuffer> {
  requireCoreOptions("coreBytes", options);
  const { relaxed = false } = options;
  const plain = plainBytes();
  // Where a bundle leaves the patch out, these are no bytes, which no runtime takes for a module.
  return relaxed ? patched(plain, decode(relaxedPatchText)) : plain;
}

let supported: boolean | undefined;

/** Whether this runtime, and this bundle of the package, have relaxed SIMD: `{ relaxed: true }` then means what it says. */
export function relaxedSupported(): boolean {
  supported ??= WebAssembly.validate(coreBytes({ relaxed: true }));
  return supported;
}

/**
 * A core with relaxed SIMD where the runtime and the bundle have it, else a plain one; its `relaxed` says which it is.
 * @throws OptionError for an unknown or wrong option
 */
export function relaxedCore(options: CreateOptions = {}): Core {
  requireCreateOptions("relaxedCore", options);
  return Core.of(coreBytes({ relaxed: relaxedSupported() }), options);
}

/** Undoes scripts/patch.mjs, which says what a patch is made of. */
function patched(from: Uint8Array, patch: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; at < patch.length; shift += 7) {
      const byte = patch[at++] as number;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
    return value;
  };
  while (at < patch.length) {
    const [fresh, place, length] = [varint(), varint(), varint()];
    for (const byte of patch.subarray(at, at + fresh)) bytes.push(byte);
    for (const byte of from.subarray(place, place + length)) bytes.push(byte);
    at += fresh;
  }
  return Uint8Array.from(bytes);
}
