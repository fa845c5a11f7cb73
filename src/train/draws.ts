import type { Arrays } from "../core/loaded.ts";
import { keyToArray } from "../graph/operators/index.ts";
import { fold, type Key } from "../random.ts";
import type { Episode, TaskSource } from "../tasks/types.ts";
import { checkEpisode } from "./checks.ts";

/** The tasks of an iteration: their addresses, and the inputs of the task Program for each. */
export interface Drawn {
  readonly keys: readonly Key[];
  readonly items: readonly Arrays[];
}

/** Draws the tasks of one iteration after another, and those of the next ahead of time. */
export class Draws {
  /** The next iteration's tasks, if they were drawn ahead. */
  private upcoming: (() => Drawn) | undefined;
  /** Episodes of two iterations, the one under way and the next, which are written over in turn. */
  private readonly episodes: [Episode[], Episode[]] = [[], []];

  constructor(
    private readonly tasks: TaskSource,
    private readonly stream: Key,
    private readonly metaBatch: number,
  ) {}

  /** The tasks of an iteration; valid until those of the iteration after next are drawn. @throws what sampling throws */
  take(iteration: number): Drawn {
    const drawn = this.upcoming?.() ?? this.draw(iteration);
    this.upcoming = undefined;
    return drawn;
  }

  /** Draws the iteration that is taken next while others work on this one's. What goes wrong with it is told when it is taken. */
  ahead(iteration: number): void {
    try {
      const drawn = this.draw(iteration);
      this.upcoming = () => drawn;
    } catch (error) {
      this.upcoming = () => {
        throw error;
      };
    }
  }

  /** The inputs of the task Program for one task, sampled anew. */
  one(key: Key): Arrays {
    return itemOf(checkEpisode(this.tasks, key), key);
  }

  private draw(iteration: number): Drawn {
    const step = fold(this.stream, iteration);
    const keys = Array.from({ length: this.metaBatch }, (_, i) => fold(step, i));
    const room = this.episodes[iteration % 2] as Episode[];
    const items = keys.map((key, i) => {
      const episode = checkEpisode(this.tasks, key, room[i]);
      room[i] = episode;
      return itemOf(episode, key);
    });
    return { keys, items };
  }
}

function itemOf({ support, query }: Episode, key: Key): Arrays {
  return {
    "support.x": support.x,
    "support.y": support.y,
    "query.x": query.x,
    "query.y": query.y,
    key: keyToArray(key),
  };
}
