/** Images in files: PNG and JPEG everywhere, WebP where the runtime has a decoder. */
import { requireText, wrong } from "../../arguments.ts";
import { bytesOf, type Fail, failing, nameOf, type ReadOptions, requireReading, type Source } from "../bytes.ts";
import type { Pixels } from "../table.ts";

/** Most pixels of an image: 8,192 x 4,096. */
const MOST_PIXELS = 2 ** 25;

/** Decoders, once an image needed them: asking the runtime again for each of thousands of images takes longer than decoding. */
let png: typeof import("../decoders/png.ts") | undefined;
let jpeg: typeof import("../decoders/jpeg.ts") | undefined;

/**
 * The image in a file. Errors as for `decodeImage`.
 * @throws DataError beyond `largest` bytes, too
 */
export async function readImage(source: Source, options: ReadOptions = {}): Promise<Pixels> {
  requireReading("readImage", source, options);
  return decodeImage(await bytesOf("readImage", source, options), nameOf(source, options));
}

/**
 * The image in the bytes of a file, told by its first bytes: PNG of all depths and colour types, JPEG, baseline and progressive.
 * WebP needs a runtime with `createImageBitmap` and `OffscreenCanvas`, as pages have; its pixels may differ between runtimes.
 * @param name the file's name in messages
 * @throws DataError for a file that is damaged, cut short, of another format, or has more than 33,554,432 pixels
 */
export async function decodeImage(bytes: Uint8Array, name = "image"): Promise<Pixels> {
  if (!(bytes instanceof Uint8Array)) throw wrong("decodeImage: bytes", "a Uint8Array", bytes);
  requireText("decodeImage: name", name);
  const fail = failing(name);
  if (bytes[0] === 0x89) {
    png ??= await import("../decoders/png.ts");
    const { decodePng, isPng } = png;
    if (isPng(bytes)) return decodePng(bytes, MOST_PIXELS, fail);
  }
  if (bytes[0] === 0xff) {
    jpeg ??= await import("../decoders/jpeg.ts");
    const { decodeJpeg, isJpeg } = jpeg;
    if (isJpeg(bytes)) return decodeJpeg(bytes, MOST_PIXELS, fail);
  }
  const word = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (word(0) === "RIFF" && word(8) === "WEBP") return decodeByHost(bytes, "image/webp", fail);
  return fail(`must be a PNG, JPEG or WebP image, got ${bytes.length} bytes of something else`);
}

async function decodeByHost(bytes: Uint8Array, type: string, fail: Fail): Promise<Pixels> {
  if (typeof createImageBitmap !== "function" || typeof OffscreenCanvas !== "function") {
    return fail(`must be PNG or JPEG here, got ${type}, which this runtime does not decode; convert it to PNG`);
  }
  const options = { premultiplyAlpha: "none", colorSpaceConversion: "none" } as const;
  const bitmap = await createImageBitmap(new Blob([Uint8Array.from(bytes)], { type }), options).catch(() =>
    fail(`must be an intact image, got damaged data (${type})`),
  );
  const { width, height } = bitmap;
  try {
    if (width * height > MOST_PIXELS) fail(`must have at most ${MOST_PIXELS} pixels, got ${width} x ${height}`);
    const context = new OffscreenCanvas(width, height).getContext("2d");
    if (context === null) return fail(`must be PNG or JPEG here, got ${type}, which this runtime does not decode`);
    context.drawImage(bitmap, 0, 0);
    return { width, height, channels: 4, data: context.getImageData(0, 0, width, height).data };
  } finally {
    bitmap.close();
  }
}
