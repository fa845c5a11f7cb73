/** Other channels of images, in whole numbers: the same on every machine. */
import type { Pixels } from "./table.ts";

/**
 * The image with one channel, grey, or three, RGB. Colours become grey by the weights of BT.601 (299, 587 and 114 thousandths),
 * rounded to the nearest; what is transparent is put on white. An image that has these channels already is returned as it is.
 */
export function withChannels(image: Pixels, channels: 1 | 3): Pixels {
  if (image.channels === channels) return image;
  const { width, height, data } = image;
  const given = image.channels;
  const colours = given >= 3 ? 3 : 1;
  const out = new Uint8Array(width * height * channels);
  const colour = [0, 0, 0];
  for (let i = 0; i < width * height; i++) {
    const alpha = given === 2 || given === 4 ? (data[(i + 1) * given - 1] as number) : 255;
    for (let c = 0; c < colours; c++) {
      const value = data[i * given + c] as number;
      colour[c] = alpha === 255 ? value : Math.floor((value * alpha + 255 * (255 - alpha) + 127) / 255);
    }
    const [red = 0, green = 0, blue = 0] = colour;
    if (channels === 1) out[i] = colours === 1 ? red : Math.floor((299 * red + 587 * green + 114 * blue + 500) / 1000);
    else for (let c = 0; c < 3; c++) out[3 * i + c] = colour[c % colours] as number;
  }
  return { width, height, channels, data: out };
}
