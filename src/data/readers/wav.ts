/** Recordings in WAV files. */
import { bytesOf, type Fail, failing, nameOf, type ReadOptions, requireReading, type Source } from "../bytes.ts";
import type { Sound } from "../table.ts";

const PCM = 1;
const FLOAT = 3;
/** Says that the code is in the first bytes of a subformat. */
const EXTENSIBLE = 0xfffe;
const MOST_CHANNELS = 64;
const HIGHEST_RATE = 768_000;

/**
 * The recording of a WAV file: PCM of 8, 16, 24 or 32 bits or 32-bit float, any number of channels up to 64. Samples are from -1 to
 * 1: whole ones divided by 2^(bits - 1).
 *
 * Format: RIFF (Microsoft and IBM 1991), and WAVE_FORMAT_EXTENSIBLE.
 * @throws DataError for a file that is damaged, cut short or of another kind, or has a sample that is not finite
 */
export async function readWav(source: Source, options: ReadOptions = {}): Promise<Sound> {
  requireReading("readWav", source, options);
  return decodeWav(await bytesOf("readWav", source, options), nameOf(source, options));
}

/** The recording in the bytes of a WAV file. Errors as for `readWav`. */
export function decodeWav(bytes: Uint8Array, name: string): Sound {
  const fail = failing(name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { format, data } = chunksOf(view, fail);
  const { code, channels, rate, frameBytes, bits } = format;
  const depths = code === PCM ? [8, 16, 24, 32] : code === FLOAT ? [32] : [];
  if (!depths.includes(bits)) {
    fail(`must be PCM of 8, 16, 24 or 32 bits or 32-bit float, got format ${code} of ${bits} bits; convert it`);
  }
  if (channels < 1 || channels > MOST_CHANNELS) fail(`must have from 1 to ${MOST_CHANNELS} channels, got ${channels}`);
  if (rate < 1 || rate > HIGHEST_RATE) fail(`must have a rate from 1 to ${HIGHEST_RATE} per second, got ${rate}`);
  if (frameBytes !== (channels * bits) / 8) {
    fail(`must have ${(channels * bits) / 8} bytes per frame, got ${frameBytes}`);
  }
  if (data.length % frameBytes !== 0) {
    fail(`must have whole frames of ${frameBytes} bytes, got ${data.length} bytes of samples`);
  }
  if (data.length === 0) fail("must have at least one sample, got none");
  const samples = new Float32Array(data.length / (bits / 8));
  const sample = sampleReader(view, bits, code === FLOAT);
  for (let i = 0; i < samples.length; i++) {
    const value = sample(data.start + (i * bits) / 8);
    if (!Number.isFinite(value)) fail(`every sample must be finite, got ${value} at ${i}`);
    samples[i] = value;
  }
  return { rate, channels, samples };
}

interface Format {
  readonly code: number;
  readonly channels: number;
  readonly rate: number;
  readonly frameBytes: number;
  readonly bits: number;
}

/** The format, and where the samples are. */
function chunksOf(view: DataView, fail: Fail): { format: Format; data: { start: number; length: number } } {
  const kind = (at: number) => (at + 4 <= view.byteLength ? view.getUint32(at) : 0);
  if (kind(0) !== 0x52494646 || kind(8) !== 0x57415645) fail("must be a WAV file (RIFF, WAVE), got something else");
  let format: Format | undefined;
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const length = view.getUint32(at + 4, true);
    const start = at + 8;
    if (start + length > view.byteLength) {
      return fail(
        `must have whole chunks, got one of ${length} bytes at byte ${at} of ${view.byteLength}; it is cut short`,
      );
    }
    if (kind(at) === 0x666d7420) {
      if (format !== undefined || length < 16) fail("must have one format chunk of at least 16 bytes, got another");
      format = formatOf(view, start, length, fail);
    } else if (kind(at) === 0x64617461) {
      if (format === undefined) return fail("must say its format before its samples, got samples first");
      return { format, data: { start, length } };
    }
    // Chunks are padded to an even length.
    at = start + length + (length & 1);
  }
  return fail("must have a chunk of samples, got none");
}

function formatOf(view: DataView, start: number, length: number, fail: Fail): Format {
  let code = view.getUint16(start, true);
  if (code === EXTENSIBLE) {
    if (length < 40) fail(`must have an extended format of 40 bytes, got ${length}`);
    code = view.getUint16(start + 24, true);
  }
  return {
    code,
    channels: view.getUint16(start + 2, true),
    rate: view.getUint32(start + 4, true),
    frameBytes: view.getUint16(start + 12, true),
    bits: view.getUint16(start + 14, true),
  };
}

/** Reads the sample at a byte. Samples of 8 bits are from 0 to 255, longer ones have signs. */
function sampleReader(view: DataView, bits: number, float: boolean): (at: number) => number {
  if (float) return (at) => view.getFloat32(at, true);
  if (bits === 8) return (at) => (view.getUint8(at) - 128) / 128;
  if (bits === 16) return (at) => view.getInt16(at, true) / 32768;
  if (bits === 24) return (at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 65536) / 8388608;
  return (at) => view.getInt32(at, true) / 2147483648;
}
