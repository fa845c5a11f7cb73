import { DEFAULT_MEMORY_LIMIT } from "../compile/compile.ts";
import type { Arrays } from "../core/loaded.ts";
import { MemoryError } from "../errors.ts";
import { sizeOf } from "../graph/shape.ts";
import { fold, type Key } from "../random.ts";
import { isPromise } from "../tasks/loading.ts";
import type { Task, TaskSource } from "../tasks/types.ts";
import { taskColumns } from "./programs.ts";
import { type Inputs, type Sampler, specOf } from "./sampling.ts";

/** Tasks of an iteration, and their inputs. */
interface Room {
  readonly tasks: Task[];
  readonly items: Inputs[];
}

/** The tasks of an iteration: their addresses, and the inputs of the task Program for each. */
export interface Drawn {
  /** Which spec of the source they have. */
  readonly spec: number;
  readonly keys: readonly Key[];
  readonly items: readonly Arrays[];
}

/**
 * The tasks of two iterations lie in memory together, the one under way and the next; those of each spec in arrays of their
 * own, which are used again.
 * @param what the caller's operation, for errors
 * @throws MemoryError where they would take more than the limit
 */
export function requireRoom(
  what: string,
  tasks: TaskSource,
  metaBatch: number,
  memoryLimit = DEFAULT_MEMORY_LIMIT,
): void {
  const shapes = tasks.specs.flatMap((spec) => Object.values(taskColumns(spec)));
  const numbers = shapes.reduce((total, shape) => total + sizeOf(shape), 0);
  const bytes = 2 * metaBatch * numbers * Float32Array.BYTES_PER_ELEMENT;
  if (bytes <= memoryLimit) return;
  throw new MemoryError(
    `${what}: the sampled tasks of two iterations must take at most ${mebibytes(memoryLimit)} (memoryLimit), got ` +
      `${mebibytes(bytes)} (${metaBatch} tasks of ${numbers} numbers); lower the meta-batch, the queries or the ways`,
  );
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Draws the tasks of one iteration after another, and those of the next ahead of time. */
export class Draws {
  /** The next iteration's tasks, if they were drawn ahead. */
  private upcoming: (() => Drawn | Promise<Drawn>) | undefined;
  /** Those of two iterations, the one under way and the next, which are written over in turn; by spec. */
  private readonly rooms: [Map<number, Room>, Map<number, Room>] = [new Map(), new Map()];

  constructor(
    private readonly source: TaskSource,
    private readonly sampler: Sampler,
    private readonly stream: Key,
    private readonly metaBatch: number,
  ) {}

  /** Which spec an iteration's tasks have. */
  specAt(iteration: number): number {
    return specOf(this.source, fold(this.stream, iteration));
  }

  /** The tasks of an iteration; valid until those of the iteration after next are drawn. @throws what sampling throws */
  take(iteration: number): Drawn | Promise<Drawn> {
    const drawn = this.upcoming?.() ?? this.draw(iteration);
    this.upcoming = undefined;
    return drawn;
  }

  /** Draws the iteration that is taken next while others work on this one's. What goes wrong is thrown when it is taken. */
  ahead(iteration: number): void {
    try {
      const drawn = this.draw(iteration);
      // Nobody may be waiting for it yet.
      if (isPromise(drawn)) drawn.catch(() => {});
      this.upcoming = () => drawn;
    } catch (error) {
      this.upcoming = () => {
        throw error;
      };
    }
  }

  /** The inputs of the task Program for one task, sampled anew. */
  async one(key: Key, spec: number): Promise<Arrays> {
    const task = this.sampler.arranged(await this.sampler.sample(key, spec), key, spec);
    return this.sampler.inputs(task, key, spec);
  }

  private draw(iteration: number): Drawn | Promise<Drawn> {
    const step = fold(this.stream, iteration);
    const spec = specOf(this.source, step);
    const { source, metaBatch } = this;
    const keys = source.keysAt?.(iteration, metaBatch) ?? Array.from({ length: metaBatch }, (_, i) => fold(step, i));
    const room = this.roomOf(iteration, spec);
    const tasks = keys.map((key, i) => this.sampler.sample(key, spec, room.tasks[i]));
    if (!tasks.some(isPromise)) return this.laid(tasks as Task[], spec, keys, room);
    return Promise.all(tasks).then((all) => this.laid(all, spec, keys, room));
  }

  private laid(all: readonly Task[], spec: number, keys: readonly Key[], room: Room): Drawn {
    const { sampler } = this;
    for (let i = 0; i < all.length; i++) {
      const [task, key] = [all[i] as Task, keys[i] as Key];
      room.tasks[i] = task;
      room.items[i] = sampler.inputs(sampler.arranged(task, key, spec), key, spec, room.items[i]);
    }
    return { spec, keys, items: room.items };
  }

  private roomOf(iteration: number, spec: number): Room {
    const rooms = this.rooms[iteration % 2] as Map<number, Room>;
    const room = rooms.get(spec) ?? { tasks: [], items: [] };
    rooms.set(spec, room);
    return room;
  }
}
