/** Recordings at another rate, and their spectra. All of it in f64 with portable functions. */
import { isRecord, show } from "../arguments.ts";
import { DataError } from "../errors.ts";
import { cosine, exponential, logarithm, sine } from "../portable-math.ts";
import type { Sound } from "./table.ts";

/** Highest rate of a recording, in samples a second. */
export const HIGHEST_RATE = 384_000;

/** @throws DataError unless the value is a recording: a rate, channels, and whole frames of finite samples */
export function requireSound(what: string, value: unknown): asserts value is Sound {
  const { rate, channels, samples } = isRecord(value) ? value : {};
  const count = (each: unknown, most: number): boolean =>
    Number.isInteger(each) && Number(each) >= 1 && Number(each) <= most;
  if (
    !count(rate, HIGHEST_RATE) ||
    !count(channels, 256) ||
    !(samples instanceof Float32Array) ||
    samples.length % Number(channels) !== 0
  ) {
    throw new DataError(
      `${what} must be a sound { rate, channels, samples } of whole frames, with a whole rate up to ${HIGHEST_RATE}, got ${show(value)}`,
    );
  }
  if (!samples.every(Number.isFinite)) throw new DataError(`${what} must have finite samples, got others`);
}

/** The mean of a recording's channels. */
export function mono({ channels, samples }: Sound): Float64Array {
  const made = new Float64Array(samples.length / channels);
  for (let time = 0; time < made.length; time++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += samples[time * channels + channel] as number;
    made[time] = sum / channels;
  }
  return made;
}

/** Samples of one recording after resampling: 1 GiB. */
const MOST_SAMPLES = 2 ** 27;

/** Zero crossings of the sinc to either side. */
const CROSSINGS = 16;

/**
 * Samples at another rate, by a sinc with a Hann window of 16 zero crossings to either side, cut off at the lower of the
 * two Nyquist frequencies (Smith and Gossett 1984, "A flexible sampling-rate conversion method"). Beyond its ends a
 * recording is silent.
 * @returns ceil(n to / from) samples
 * @throws DataError where these are more than 2^27
 */
export function resample(samples: Float64Array, from: number, to: number): Float64Array {
  if (from === to) return samples;
  const common = greatestCommonDivisor(from, to);
  const [down, up] = [from / common, to / common];
  const cutoff = Math.min(1, to / from);
  const reach = Math.ceil(CROSSINGS / cutoff);
  /** Weights of the samples around a place, by the place's fraction of a sample in units of 1 / up. */
  const weights = new Map<number, Float64Array>();
  const length = Math.ceil((samples.length * to) / from);
  if (length > MOST_SAMPLES) {
    throw new DataError(`a recording must have at most ${MOST_SAMPLES} samples at ${to} Hz, got ${length}; cut it`);
  }
  const made = new Float64Array(length);
  for (let i = 0; i < made.length; i++) {
    const nearest = Math.floor((i * down) / up);
    const phase = i * down - nearest * up;
    let taps = weights.get(phase);
    if (taps === undefined) {
      taps = sincTaps(phase / up, cutoff, reach);
      weights.set(phase, taps);
    }
    const first = nearest - reach + 1;
    const end = Math.min(taps.length, samples.length - first);
    let sum = 0;
    for (let tap = Math.max(0, -first); tap < end; tap++)
      sum += (taps[tap] as number) * (samples[first + tap] as number);
    made[i] = sum;
  }
  return made;
}

/** Weights of samples 1 - reach to reach around a place between 0 and 1; they add up to 1. */
function sincTaps(place: number, cutoff: number, reach: number): Float64Array {
  const taps = new Float64Array(2 * reach);
  let total = 0;
  for (let tap = 0; tap < taps.length; tap++) {
    const x = (tap - reach + 1 - place) * cutoff;
    const sinc = x === 0 ? 1 : sine(Math.PI * x) / (Math.PI * x);
    const window = Math.abs(x) >= CROSSINGS ? 0 : 0.5 + 0.5 * cosine((Math.PI * x) / CROSSINGS);
    taps[tap] = sinc * window;
    total += sinc * window;
  }
  return taps.map((tap) => tap / total);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** |X_k|^2 of a frame's discrete Fourier transform, k from 0 to size / 2, in an array that the next call writes over. */
export type PowerSpectrum = (frame: Float64Array) => Float64Array;

/**
 * Radix-2 decimation in time (Cooley and Tukey 1965).
 * @param size of the transform, a power of 2; shorter frames are followed by zeros
 */
export function powerSpectrum(size: number): PowerSpectrum {
  const cosines = Float64Array.from({ length: size / 2 }, (_, i) => cosine((2 * Math.PI * i) / size));
  const sines = Float64Array.from({ length: size / 2 }, (_, i) => sine((2 * Math.PI * i) / size));
  const reversed = new Uint32Array(size);
  for (let i = 1; i < size; i++) reversed[i] = ((reversed[i >> 1] as number) >> 1) | (i & 1 ? size >> 1 : 0);
  const [real, imaginary] = [new Float64Array(size), new Float64Array(size)];
  const power = new Float64Array(size / 2 + 1);
  return (frame) => {
    for (let i = 0; i < size; i++) {
      const from = reversed[i] as number;
      real[i] = from < frame.length ? (frame[from] as number) : 0;
    }
    imaginary.fill(0);
    for (let half = 1; half < size; half *= 2) {
      const stride = size / 2 / half;
      for (let start = 0; start < size; start += 2 * half) {
        for (let i = 0; i < half; i++) {
          const a = start + i;
          const b = a + half;
          const c = cosines[i * stride] as number;
          const s = sines[i * stride] as number;
          const turnedReal = c * (real[b] as number) + s * (imaginary[b] as number);
          const turnedImaginary = c * (imaginary[b] as number) - s * (real[b] as number);
          real[b] = (real[a] as number) - turnedReal;
          imaginary[b] = (imaginary[a] as number) - turnedImaginary;
          real[a] = (real[a] as number) + turnedReal;
          imaginary[a] = (imaginary[a] as number) + turnedImaginary;
        }
      }
    }
    for (let k = 0; k <= size / 2; k++) {
      const x = real[k] as number;
      const y = imaginary[k] as number;
      power[k] = x * x + y * y;
    }
    return power;
  };
}

/** The Hann window that repeats after `length` samples. */
export function hann(length: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => 0.5 - 0.5 * cosine((2 * Math.PI * i) / length));
}

/** O'Shaughnessy's mel scale: 1127 ln(1 + f / 700), f in Hz. */
const melOf = (frequency: number): number => 1127 * logarithm(1 + frequency / 700);
const frequencyOf = (mel: number): number => 700 * (exponential(mel / 1127) - 1);

/** A band's weights of |X_k|^2, k from `first` on. */
export interface MelFilter {
  readonly first: number;
  readonly weights: Float64Array;
}

/**
 * Triangular filters of height 1 whose corners are equally far apart in mel (Davis and Mermelstein 1980).
 * @param size of the transform
 */
export function melFilters(
  bands: number,
  rate: number,
  size: number,
  minimum: number,
  maximum: number,
): readonly MelFilter[] {
  const [low, high] = [melOf(minimum), melOf(maximum)];
  const corner = (i: number): number => frequencyOf(low + ((high - low) * i) / (bands + 1));
  return Array.from({ length: bands }, (_, band) => {
    const [left, centre, right] = [corner(band), corner(band + 1), corner(band + 2)];
    const all = Float64Array.from({ length: size / 2 + 1 }, (_, k) => {
      const frequency = (k * rate) / size;
      return Math.max(0, Math.min((frequency - left) / (centre - left), (right - frequency) / (right - centre)));
    });
    const first = Math.max(
      0,
      all.findIndex((weight) => weight > 0),
    );
    return { first, weights: all.slice(first, all.findLastIndex((weight) => weight > 0) + 1) };
  });
}
