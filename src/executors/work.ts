import { requireObject, requireOptions, requireWhole, wrong } from "../arguments.ts";
import { OptionError } from "../errors.ts";
import type { Port } from "../program/program.ts";
import { itemName, type Work } from "./executor.ts";
import { type Layout, layoutOf } from "./layout.ts";

/** Items of a batch: each has inputs of its own, whose names are checked. */
const MOST_ITEMS = 65_536;
const PROGRAM = ["code", "inputs", "outputs", "arenaBytes"];

/**
 * Work with nothing in it but what `Work` names.
 * @throws OptionError where it is no work
 */
export function requireWork(work: Work): Work {
  requireObject("load: work", work, "an object { task, batch, summed } with a Program as its task", ["task"]);
  requireOptions("load", work, ["task", "batch", "summed"]);
  const { task, batch, summed } = work;
  requireObject("load: task", task, "a Program, as compile makes one", PROGRAM);
  if (batch !== undefined) {
    requireObject("load: batch", batch, "an object { program, items }", ["program", "items"]);
    requireObject("load: batch.program", batch.program, "a Program, as compile makes one", PROGRAM);
  }
  const names: unknown = summed;
  if (names !== undefined && !(Array.isArray(names) && names.every((name) => typeof name === "string"))) {
    throw wrong("load: summed", "a list of the task's outputs", names);
  }
  return {
    task,
    ...(batch && { batch: { program: batch.program, items: batch.items } }),
    ...(summed && { summed: [...summed] }),
  };
}

/**
 * Checks what Programs alone do not show, of Programs that are valid.
 * @throws OptionError where the summed outputs are not the task's first, or a batch does not fit the task
 */
export function requireFit(work: Work): void {
  const { task, batch, summed = [] } = work;
  const names = task.outputs.map(({ name }) => name);
  if (summed.some((name, i) => name !== names[i])) {
    throw new OptionError(
      `load: summed must be the task's first outputs in their order (${names.join(", ")}), got ${summed.join(", ")}`,
    );
  }
  if (batch !== undefined) requireBatch(task.inputs, layoutOf(work), batch);
}

function requireBatch(inputs: readonly Port[], { summed, perItem }: Layout, batch: NonNullable<Work["batch"]>): void {
  const { program, items } = batch;
  requireWhole("load: batch.items", items, 1, MOST_ITEMS);
  const each = (ports: readonly Port[]) =>
    Array.from({ length: items }, (_, i) => ports.map((port) => ({ ...port, name: itemName(i, port.name) }))).flat();
  const [got, wanted] = [program.outputs.map(describe), [...summed, ...each(perItem)].map(describe)];
  const wrong = Array.from({ length: Math.max(got.length, wanted.length) }, (_, i) => i).find(
    (i) => got[i] !== wanted[i],
  );
  if (wrong !== undefined) {
    throw new OptionError(
      `load: output ${wrong} of the batch must be ${wanted[wrong] ?? "missing"}, got ${got[wrong] ?? "none"}; a batch gives ` +
        "the task's summed outputs, then the others of each item as 0.name, 1.name, …",
    );
  }
  // An input is either shared, or there is one for each item.
  const found = new Set(program.inputs.map(describe));
  const left = inputs.reduce((rest, port) => {
    if (found.has(describe(port))) return rest - 1;
    const missing = each([port]).find((one) => !found.has(describe(one)));
    if (missing === undefined) return rest - items;
    throw new OptionError(`load: the batch has no input ${describe(missing)}, which the task needs for each item`);
  }, program.inputs.length);
  if (left !== 0) throw new OptionError(`load: the batch has ${left} inputs that are none of the task's`);
}

const describe = ({ name, shape }: Port): string => `${name} [${shape}]`;
