/** Sound as spectrograms. */
import { requireNumber, requireOptions, requireWhole } from "../../arguments.ts";
import { logarithm } from "../../portable-math.ts";
import {
  HIGHEST_RATE,
  hann,
  type MelFilter,
  melFilters,
  mono,
  powerSpectrum,
  requireSound,
  resample,
} from "../sound.ts";
import type { Sound } from "../table.ts";
import { describe, requireColumn } from "./cells.ts";
import type { MaskedFeature } from "./feature.ts";
import { type From, requireSequenceSettings, sequenceFeature } from "./sequences.ts";

/** Options of `logMel`. */
export interface LogMelOptions {
  /** Frames of every example. */
  readonly frames: number;
  /**
   * Which end counts: longer recordings are cut at the other, shorter ones padded there; `"centre"`: at both. `"start"` by
   * default.
   */
  readonly from?: From;
  /** Samples a second that recordings are brought to; 8,000 by default. */
  readonly rate?: number;
  /** 40 by default. */
  readonly bands?: number;
  /** Samples of a frame; 256 by default, 32 ms. */
  readonly window?: number;
  /** Samples from one frame to the next; half a window by default. */
  readonly hop?: number;
  /** The lowest frequency, in Hz; 20 by default. */
  readonly minimum?: number;
  /** The highest frequency, in Hz; half the rate by default. */
  readonly maximum?: number;
  /** Whether each band is standardised by its mean and deviation over the training rows; true by default. */
  readonly standardise?: boolean;
}

/** Energy below which everything is silence; its logarithm is what padding holds where nothing is standardised. */
const SILENCE = 1e-10;

/**
 * Spectrograms [frames, bands]: the natural logarithm of the energy in bands that are equally wide in mel (O'Shaughnessy
 * 1987), of frames under a Hann window. Channels are averaged, and other rates resampled by a windowed sinc. `mask` is the
 * feature [frames] that is 1 for a frame and 0 for padding. A missing recording is all padding.
 */
export function logMel(column: string, options: LogMelOptions): MaskedFeature {
  requireColumn("logMel", column);
  requireOptions("logMel", options, ["frames", ...Object.keys(DEFAULTS), "hop", "maximum"]);
  const { from = "start", rate = 8000, bands = 40, window = 256, minimum = 20, standardise = true } = options;
  requireSequenceSettings("logMel", ["frames", options.frames], from, standardise);
  requireWhole("logMel: rate", rate, 1000, HIGHEST_RATE);
  requireWhole("logMel: bands", bands, 1, 1024);
  requireWhole("logMel: window", window, 2, 2 ** 16);
  const { frames: length, hop = Math.ceil(window / 2), maximum = rate / 2 } = options;
  requireWhole("logMel: hop", hop, 1);
  requireNumber("logMel: maximum", maximum, { above: 0, to: rate / 2 });
  requireNumber("logMel: minimum", minimum, { from: 0, below: maximum });
  const settings = { frames: length, from, rate, bands, window, hop, minimum, maximum, standardise };
  const spectrogram = spectrogramOf(settings);
  return sequenceFeature({
    kind: "logMel",
    column,
    description: describe("logMel", [column], settings, DEFAULTS),
    length,
    from,
    standardise,
    padding: logarithm(SILENCE),
    channelsOf: () => bands,
    stepsOf(cell) {
      requireSound(column, cell);
      return spectrogram(cell);
    },
  });
}

const DEFAULTS = { from: "start", rate: 8000, bands: 40, window: 256, minimum: 20, standardise: true } as const;

type Settings = Required<LogMelOptions>;

/**
 * Frames of a recording, [time, bands]. A recording shorter than one frame is followed by silence; what does not fill a
 * last frame is left out.
 */
function spectrogramOf({ rate, bands, window, hop, minimum, maximum }: Settings): (sound: Sound) => Float64Array {
  let size = 2;
  while (size < window) size *= 2;
  const transform = powerSpectrum(size);
  const weights = hann(window);
  const windowed = new Float64Array(window);
  const filters = melFilters(bands, rate, size, minimum, maximum);
  return (sound) => {
    const samples = resample(mono(sound), sound.rate, rate);
    if (samples.length === 0) return samples;
    const count = Math.max(1, 1 + Math.floor((samples.length - window) / hop));
    const made = new Float64Array(count * bands);
    for (let frame = 0; frame < count; frame++) {
      windowed.fill(0);
      const present = Math.min(window, samples.length - frame * hop);
      for (let i = 0; i < present; i++) windowed[i] = (weights[i] as number) * (samples[frame * hop + i] as number);
      const power = transform(windowed);
      for (let band = 0; band < bands; band++) {
        const { first, weights: shares } = filters[band] as MelFilter;
        let energy = 0;
        for (let k = 0; k < shares.length; k++) energy += (shares[k] as number) * (power[first + k] as number);
        made[frame * bands + band] = logarithm(Math.max(energy, SILENCE));
      }
    }
    return made;
  };
}
