/** Raw files for the examples of examples/data, as other programs would have written them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { wavOf } from "../support/format-samples.ts";
import { Chance } from "../support/random.ts";

/** Names of which half begin with a letter before n. */
const nameOf = (i: number): string => `${String.fromCharCode(97 + (i % 26))}${i}`;
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => nameOf(i));
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Plants: two lengths, one of them sometimes missing, and a colour that is that of the kind most of the time. */
function plants(): string {
  const chance = new Chance(1);
  const colours = ["red", "white", "blue"];
  const rows = names(52).flatMap((species) => {
    const [height, width, colour] = [chance.uniform(10, 90), chance.uniform(1, 9), chance.pick(colours)];
    return range(12).map(() => {
      const measured = chance.chance(0.1) ? "NA" : (width + chance.uniform(-0.5, 0.5)).toFixed(2);
      const shown = chance.chance(0.8) ? colour : chance.pick(colours);
      return `${(height + chance.uniform(-5, 5)).toFixed(1)},${measured},${shown},${species}`;
    });
  });
  return ["height,width,colour,species", ...rows].join("\n");
}

/** Intents: three words of the intent's own among many that occur everywhere. */
function intents(): string {
  const chance = new Chance(2);
  const fillers = range(12).map((i) => `filler${i}`);
  const lines = names(52).flatMap((intent, i) => {
    const own = range(3).map((word) => `topic${3 * i + word}`);
    return range(10).map(() => {
      const words = [chance.pick(own), chance.pick(own), ...range(6).map(() => chance.pick(fillers))];
      return JSON.stringify({
        text: chance
          .order(words.length)
          .map((at) => words[at])
          .join(" "),
        intent,
      });
    });
  });
  return lines.join("\n");
}

/** Signs: a random drawing of dark squares, moved by a pixel, with noise. */
function signs(folder: string): void {
  const chance = new Chance(3);
  for (const name of names(40)) {
    const drawing = range(16).map(() => chance.chance(0.5));
    mkdirSync(join(folder, name), { recursive: true });
    for (const i of range(8)) {
      const [down, right] = [chance.whole(-1, 1), chance.whole(-1, 1)];
      const data = Uint8Array.from({ length: 20 * 20 }, (_, at) => {
        const [row, column] = [Math.floor(at / 20) - 2 + down, (at % 20) - 2 + right];
        const inside = row >= 0 && row < 16 && column >= 0 && column < 16;
        const dark = inside && drawing[4 * (row >> 2) + (column >> 2)] === true;
        return (dark ? 60 : 220) + chance.whole(-30, 30);
      });
      writeFileSync(join(folder, name, `${i}.png`), encode({ width: 20, height: 20, channels: 1, data }));
    }
  }
}

/** Words are pairs of tones one after the other; every speaker has a pitch. */
function recordings(folder: string): void {
  const chance = new Chance(4);
  mkdirSync(folder, { recursive: true });
  const words = range(5).map(() => [chance.uniform(300, 2500), chance.uniform(300, 2500)] as const);
  for (const speaker of names(26)) {
    const pitch = chance.uniform(0.7, 1.4);
    for (const [word, tones] of words.entries()) {
      for (const index of range(6)) {
        const length = chance.whole(1200, 2200);
        const samples = Int16Array.from({ length }, (_, t) => {
          const tone = pitch * (tones[t < length / 2 ? 0 : 1] as number);
          return 8000 * Math.sin((2 * Math.PI * tone * t) / 8000) + chance.uniform(-2000, 2000);
        });
        const path = join(folder, `word${word}_${speaker}_${index}.wav`);
        writeFileSync(path, wavOf(1, 1, 16, new Uint8Array(samples.buffer)));
      }
    }
  }
}

/** Gestures: ways with two turns of the gesture's own, drawn slower or faster. */
function gestures(): string {
  const chance = new Chance(5);
  const lines = names(52).flatMap((gesture) => {
    const headings = range(3).map(() => chance.uniform(0, 2 * Math.PI));
    return range(8).map(() => {
      const steps = chance.whole(15, 30);
      let [x, y] = [0, 0];
      const points = range(steps).map((step) => {
        const heading = (headings[Math.floor((3 * step) / steps)] as number) + chance.uniform(-0.4, 0.4);
        x += Math.cos(heading) / steps;
        y += Math.sin(heading) / steps;
        return [Number(x.toFixed(3)), Number(y.toFixed(3))];
      });
      return JSON.stringify({ gesture, points });
    });
  });
  return lines.join("\n");
}

/** Patients: a level and a response to the dose of their own. */
function patients(): string {
  const chance = new Chance(6);
  const rows = names(52).flatMap((patient) => {
    const [level, response, age] = [chance.uniform(100, 180), chance.uniform(-6, -1), chance.whole(30, 80)];
    return range(15).map(() => {
      const dose = chance.uniform(0, 5);
      return [patient, age, dose.toFixed(2), (level + response * dose + chance.uniform(-1, 1)).toFixed(1)].join(",");
    });
  });
  return ["patient,age,dose,pressure", ...rows].join("\n");
}

/** The load of a network, in which the weight of each cause drifts. */
function load(): string {
  const chance = new Chance(7);
  const rows = range(2200).map((hour) => {
    const [temperature, people] = [chance.uniform(-10, 30), chance.uniform(0, 100)];
    const [heating, use] = [Math.sin(hour / 60), Math.cos(hour / 85)];
    const megawatts = 500 + 5 * heating * temperature + 2 * use * people + chance.uniform(-3, 3);
    return [hour, temperature.toFixed(1), people.toFixed(0), megawatts.toFixed(1)].join(",");
  });
  return ["hour,temperature,people,load", ...rows].join("\n");
}

/** Writes what an example reads, and gives the path. */
export const RAW: Readonly<Record<string, (folder: string) => string>> = {
  "entities.ts": (folder) => written(join(folder, "patients.csv"), patients()),
  "images.ts": (folder) => made(join(folder, "signs"), signs),
  "series.ts": (folder) => written(join(folder, "gestures.jsonl"), gestures()),
  "sound.ts": (folder) => made(join(folder, "recordings"), recordings),
  "stream.ts": (folder) => written(join(folder, "load.csv"), load()),
  "table.ts": (folder) => written(join(folder, "plants.csv"), plants()),
  "text.ts": (folder) => written(join(folder, "intents.jsonl"), intents()),
};

function written(path: string, text: string): string {
  writeFileSync(path, `${text}\n`);
  return path;
}

function made(path: string, make: (path: string) => void): string {
  make(path);
  return path;
}
