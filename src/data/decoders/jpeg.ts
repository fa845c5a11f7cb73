/** JPEG images of untrusted files, baseline and progressive, by jpeg-js (ITU-T T.81). */
import { decode } from "jpeg-js";
import type { Fail } from "../bytes.ts";
import type { Pixels } from "../table.ts";

/** Progressive images have about ten; each scan goes over the whole image, whatever its length. */
const MOST_SCANS = 64;
/** An empty progressive image has some 200 pixels a byte: no memory is set aside for what claims more than these. */
const FREE_PIXELS = 2 ** 20;
const PIXELS_PER_BYTE = 1024;
/** Memory of the decoder: coefficients take 4 bytes each. */
const MEGABYTES = 1024;

export const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

/**
 * Pixels of one channel, or of three (CMYK becomes RGB). Orientation in Exif data is not applied.
 * @param mostPixels checked before anything is unpacked
 */
export function decodeJpeg(bytes: Uint8Array, mostPixels: number, fail: Fail): Pixels {
  const components = checkMarkers(bytes, mostPixels, fail);
  let image: { readonly width: number; readonly height: number; readonly data: Uint8Array };
  try {
    image = decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: mostPixels / 1e6,
      maxMemoryUsageInMB: MEGABYTES,
    });
  } catch (error) {
    return fail(`must be an intact JPEG image, got damaged data (${error instanceof Error ? error.message : error})`);
  }
  const { width, height, data } = image;
  if (!(width * height >= 1) || data.length !== 3 * width * height)
    fail("must be an intact JPEG image, got damaged data");
  if (components !== 1) return { width, height, channels: 3, data };
  return {
    width,
    height,
    channels: 1,
    data: Uint8Array.from({ length: width * height }, (_, i) => data[3 * i] as number),
  };
}

/** Checks size and number of scans. @returns how many components a pixel has */
function checkMarkers(bytes: Uint8Array, mostPixels: number, fail: Fail): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [components, scans] = [0, 0];
  // Compressed data writes 0xff as 0xff 0x00: any other byte behind one is a marker.
  for (let at = bytes.indexOf(0xff, 2); at >= 0 && at + 4 <= bytes.length; at = bytes.indexOf(0xff, at)) {
    const marker = bytes[at + 1] as number;
    if (marker === 0xd9) return components !== 0 ? components : fail("must have a frame, got the end of the image");
    if (marker === 0xff) at++;
    else if (marker < 0x02 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else {
      if (marker === 0xda && ++scans > MOST_SCANS) fail(`must have at most ${MOST_SCANS} scans, got more`);
      const frame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
      if (frame) {
        if (marker > 0xc2) fail("must be baseline or progressive JPEG, got another coding; save it again");
        if (components !== 0 || at + 10 > bytes.length) fail("must have one whole frame, got another");
        const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
        components = bytes[at + 9] as number;
        if (width < 1 || height < 1 || width * height > mostPixels) {
          fail(`must have from 1 to ${mostPixels} pixels, got ${width} x ${height}`);
        }
        if (width * height > FREE_PIXELS + PIXELS_PER_BYTE * bytes.length) {
          fail(`must be a whole image, got ${bytes.length} bytes for ${width} x ${height} pixels`);
        }
        if (components !== 1 && components !== 3 && components !== 4) {
          fail(`must have 1, 3 or 4 components, got ${components}`);
        }
      }
      at += 2 + view.getUint16(at + 2);
    }
  }
  if (bytes.at(-2) === 0xff && bytes.at(-1) === 0xd9 && components !== 0) return components;
  return fail("must end with an end of image, got a file that is cut short");
}
