/** Checks of what users implement themselves: sources of tasks, and the specs of their tasks. */
import { requireObject, requireShapes, wrong } from "../arguments.ts";
import { requireObjective } from "../nn/objective.ts";
import type { TaskFeed, TaskSource, TaskSpec } from "./types.ts";

/** @throws OptionError unless the value is a source of tasks, or where they are taken a feed, with sound specs */
export function requireSource(what: string, value: unknown, feed = false): asserts value is TaskSource | TaskFeed {
  const isFeed =
    feed && typeof value === "object" && value !== null && "tasks" in value && !("sample" in value && value.sample);
  const members = isFeed ? ["name", "specs", "tasks"] : ["name", "specs", "fingerprint", "sample()"];
  requireObject(what, value, "a task source, such as episodes(dataset, { … })", members);
  if (isFeed) requireIterable(`${what}.tasks`, value.tasks, "tasks");
  const { specs } = value as TaskSource;
  if (!Array.isArray(specs) || specs.length === 0) {
    throw wrong(`${what}.specs`, "a list of at least one TaskSpec", specs);
  }
  for (const [i, spec] of specs.entries()) requireSpec(`${what}.specs[${i}]`, spec);
}

/** @throws OptionError unless the value is a list or an asynchronous iterable, of what `items` calls them */
export function requireIterable(what: string, value: unknown, items: string): void {
  const object = typeof value === "object" && value !== null ? value : {};
  const { [Symbol.iterator]: iterator, [Symbol.asyncIterator]: asyncIterator } = object as Partial<
    Iterable<unknown> & AsyncIterable<unknown>
  >;
  const sound = [iterator, asyncIterator].some((each) => typeof each === "function");
  if (sound) return;
  throw wrong(what, `a list or an asynchronous iterable of ${items}`, value);
}

function requireSpec(what: string, value: unknown): void {
  requireObject(what, value, "a TaskSpec", ["inputs", "objective", "segments", "queries"]);
  const { inputs, objective, segments, queries } = value as TaskSpec;
  requireShapes(`${what}.inputs`, inputs);
  requireObjective(`${what}.objective`, objective);
  const counts: unknown = segments;
  if (!Array.isArray(counts) || counts.length === 0) {
    throw wrong(`${what}.segments`, "a list of at least one number", segments);
  }
  for (const n of [...counts, queries === 0 ? 1 : queries]) {
    if (!Number.isSafeInteger(n) || n < 1) throw wrong(`${what}: segments and queries`, "whole numbers from 1", n);
  }
}
