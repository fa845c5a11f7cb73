/**
 * PNG images of untrusted files, of all depths and colour types, by fast-png (PNG specification, second edition, ISO 15948).
 *
 * fast-png unpacks whatever an image holds, also in profiles and comments, and fills in what is missing. So chunks are checked
 * here, and it gets the header, palette and transparency, and image data of exactly the size that the header asks for.
 */
import { decode } from "fast-png";
import { Unzlib, unzlibSync } from "fflate";
import type { Fail } from "../bytes.ts";
import type { Pixels } from "../table.ts";
import { crc32 } from "../zip.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] as const;
/** Chunks that make the pixels, by kind. */
const USED = ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"] as const;
/** Deflate expands at most so many times. */
const MOST_EXPANSION = 1032;
/** Packed bytes that are unpacked at once. */
const PIECE_BYTES = 2 ** 16;
const STORED_BYTES = 65_535;
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;
/** Samples a pixel by colour type: grey, RGB, palette, grey and alpha, RGBA. */
const SAMPLES: Readonly<Record<number, Pixels["channels"]>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

export const isPng = (bytes: Uint8Array): boolean => SIGNATURE.every((byte, i) => bytes[i] === byte);

/**
 * Pixels of 8 bits a channel: of 16 bits the upper 8 are kept, fewer are stretched to 0 to 255, palettes and transparent colours
 * become RGB and alpha.
 * @param mostPixels checked before anything is unpacked
 */
export function decodePng(bytes: Uint8Array, mostPixels: number, fail: Fail): Pixels {
  const chunks = chunksOf(bytes, fail);
  const header = headerOf(chunks.IHDR, mostPixels, fail);
  const lines = inflated(chunks.IDAT, lineBytes(header), fail);
  const plain = [
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", chunks.IHDR[0] as Uint8Array),
    ...chunks.PLTE.map((data) => chunk("PLTE", data)),
    ...chunks.tRNS.map((data) => chunk("tRNS", data)),
    chunk("IDAT", stored(lines)),
    chunk("IEND", new Uint8Array(0)),
  ];
  try {
    return pixelsOf(decode(concatenated(plain)), header, fail);
  } catch (error) {
    if (error instanceof Error && error.name === "DataError") throw error;
    return fail(`must be an intact PNG image, got damaged data (${error instanceof Error ? error.message : error})`);
  }
}

type Chunks = Record<(typeof USED)[number], Uint8Array[]>;

/** The data of the chunks that are used, in order, each checked against its checksum. */
function chunksOf(bytes: Uint8Array, fail: Fail): Chunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Chunks = { IHDR: [], PLTE: [], tRNS: [], IDAT: [], IEND: [] };
  for (let at: number = SIGNATURE.length; chunks.IEND.length === 0; ) {
    const length = at + 12 <= bytes.length ? view.getUint32(at) : Number.POSITIVE_INFINITY;
    const end = at + 12 + length;
    if (end > bytes.length) fail(`must end with a whole chunk, got one cut short at byte ${at}`);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (USED.includes(kind as "IHDR")) {
      if (crc32(bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4)) {
        fail(`chunk ${kind} at byte ${at} must match its checksum, got damaged data`);
      }
      chunks[kind as "IHDR"].push(bytes.subarray(at + 8, end - 4));
    } else if ((bytes[at + 4] as number) < 0x60) {
      fail(`must have the chunks ${USED.join(", ")}, got the unknown one ${JSON.stringify(kind)} at byte ${at}`);
    }
    at = end;
  }
  if (chunks.IHDR.length !== 1 || chunks.IDAT.length === 0 || chunks.PLTE.length > 1 || chunks.tRNS.length > 1) {
    fail("must have one header, image data, and at most one palette and transparency, got other chunks");
  }
  return chunks;
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  readonly interlaced: boolean;
}

function headerOf([data]: readonly Uint8Array[], mostPixels: number, fail: Fail): Header {
  if (data?.length !== 13) return fail(`must have a header of 13 bytes, got ${data?.length}`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth = 0, colour = 0, compression, filter, interlace = 0] = data.subarray(8);
  if (width < 1 || height < 1 || width * height > mostPixels) {
    fail(`must have from 1 to ${mostPixels} pixels, got ${width} x ${height}`);
  }
  if (!DEPTHS[colour]?.includes(depth) || compression !== 0 || filter !== 0 || interlace > 1) {
    fail(`must have a known kind of pixels, got depth ${depth}, colour type ${colour}, interlace ${interlace}`);
  }
  if (interlace === 1 && depth < 8) {
    fail(`must have 8 or 16 bits where it is interlaced, got ${depth}; save it without interlacing`);
  }
  return { width, height, depth, colour, interlaced: interlace === 1 };
}

/** Bytes of all lines, each with its filter. */
function lineBytes({ width, height, depth, colour, interlaced }: Header): number {
  const bits = depth * (SAMPLES[colour] as number);
  const bytes = (columns: number, rows: number) => (columns > 0 ? rows * (Math.ceil((columns * bits) / 8) + 1) : 0);
  if (!interlaced) return bytes(width, height);
  return ADAM7.reduce(
    (sum, [x, y, across, down]) =>
      sum + bytes(Math.ceil((width - x) / across), Math.max(0, Math.ceil((height - y) / down))),
    0,
  );
}

/** Exactly so many bytes of a zlib stream. */
function inflated(parts: readonly Uint8Array[], length: number, fail: Fail): Uint8Array {
  const packed = parts.length === 1 ? (parts[0] as Uint8Array) : concatenated(parts);
  if (length > MOST_EXPANSION * packed.length) {
    fail(`must have ${length} bytes of pixels, got ${packed.length} packed ones, which cannot be as many`);
  }
  const lines = new Uint8Array(length + 1);
  let filled = 0;
  try {
    // One byte more than there should be: what does not fit is dropped.
    if (packed.length <= PIECE_BYTES) filled = unzlibSync(packed, { out: lines }).length;
    else {
      const stream = new Unzlib((part) => {
        lines.set(part.subarray(0, lines.length - filled), filled);
        filled = Math.min(lines.length, filled + part.length);
      });
      for (let at = 0; at < packed.length && filled <= length; at += PIECE_BYTES) {
        stream.push(packed.subarray(at, at + PIECE_BYTES), at + PIECE_BYTES >= packed.length);
      }
    }
  } catch {
    fail("must be an intact PNG image, got damaged data");
  }
  if (filled !== length) fail(`must have ${length} bytes of pixels, got ${filled > length ? "more" : filled}`);
  return lines.subarray(0, length);
}

/** A zlib stream of bytes as they are (RFC 1950 and 1951). Its checksum is zero, which nobody reads. */
function stored(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x78, 0x01)];
  for (let at = 0; at < bytes.length; at += STORED_BYTES) {
    const part: Uint8Array = bytes.subarray(at, at + STORED_BYTES);
    const [low, high] = [part.length & 0xff, part.length >> 8];
    const last = at + STORED_BYTES >= bytes.length ? 1 : 0;
    parts.push(Uint8Array.of(last, low, high, low ^ 0xff, high ^ 0xff), part);
  }
  return concatenated([...parts, new Uint8Array(4)]);
}

/** A chunk with a checksum of zero: the real one is checked by then. */
function chunk(kind: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  new DataView(bytes.buffer).setUint32(0, data.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = kind.charCodeAt(i);
  bytes.set(data, 8);
  return bytes;
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Samples of any depth become bytes, and palettes and transparent colours channels. */
function pixelsOf(png: ReturnType<typeof decode>, header: Header, fail: Fail): Pixels {
  const { width, height, depth, colour } = header;
  if (colour === 3) {
    return fromPalette(depth < 8 ? unpacked(png.data, header, 1) : png.data, header, png.palette ?? [], fail);
  }
  const channels = SAMPLES[colour] as Pixels["channels"];
  const stretch = depth < 8 ? 255 / (2 ** depth - 1) : 1;
  const raw = depth < 8 ? unpacked(png.data, header, stretch) : png.data;
  const data = depth === 16 ? Uint8Array.from(raw, (value) => value >> 8) : (raw as Uint8Array);
  const key = png.transparency?.map((value) => value * stretch);
  if (key?.length !== channels) return { width, height, channels, data };
  return withKey({ width, height, channels, data }, raw, key);
}

/** Pixels of one colour become transparent. @param raw the samples before they became bytes */
function withKey(image: Pixels, raw: ArrayLike<number>, key: Uint16Array): Pixels {
  const { width, height, channels: colours, data } = image;
  const channels = (colours + 1) as Pixels["channels"];
  const out = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    let clear = true;
    for (let c = 0; c < colours; c++) {
      out[i * channels + c] = data[i * colours + c] as number;
      clear &&= raw[i * colours + c] === key[c];
    }
    out[i * channels + colours] = clear ? 0 : 255;
  }
  return { width, height, channels, data: out };
}

/** Samples of 1, 2 or 4 bits, whose lines begin with a byte, times `stretch`. */
function unpacked(packed: ArrayLike<number>, { width, height, depth }: Header, stretch: number): Uint8Array {
  const out = new Uint8Array(width * height);
  const lineLength = Math.ceil((width * depth) / 8);
  const mask = 2 ** depth - 1;
  const levels = Uint8Array.from({ length: mask + 1 }, (_, i) => i * stretch);
  let x = 0;
  for (let y = 0; y < height; y++) {
    const end = x + width;
    for (let at = y * lineLength; x < end; at++) {
      const byte = packed[at] as number;
      for (let shift = 8 - depth; shift >= 0 && x < end; shift -= depth) {
        out[x++] = levels[(byte >> shift) & mask] as number;
      }
    }
  }
  return out;
}

function fromPalette(
  indices: ArrayLike<number>,
  { width, height }: Header,
  palette: readonly (readonly number[])[],
  fail: Fail,
): Pixels {
  const channels = palette[0]?.length === 4 ? 4 : 3;
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    const entry = palette[indices[i] as number];
    if (entry === undefined)
      return fail(`must have colours of its palette of ${palette.length}, got number ${indices[i]}`);
    for (let c = 0; c < channels; c++) data[i * channels + c] = entry[c] as number;
  }
  return { width, height, channels, data };
}
