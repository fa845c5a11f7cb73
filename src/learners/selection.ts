import type { Model } from "../nn/model.ts";

/** Which parameters an inner loop adapts: by part of the model, or by path. */
export type Selection = "all" | "head" | "body" | ((path: string) => boolean);

/** Whether a path belongs to the head: the last layer of `mlp` and `conv4`, or whatever layer is called so. */
export const isHead = (path: string): boolean => /(^|\.)head(\.|$)/.test(path);

/** The selected ones of some values by path. */
export function selected<T>(selection: Selection, values: Readonly<Record<string, T>>): Record<string, T> {
  const chosen = (path: string): boolean => {
    if (typeof selection === "function") return selection(path);
    return selection === "all" || (selection === "head") === isHead(path);
  };
  return Object.fromEntries(Object.entries(values).filter(([path]) => chosen(path)));
}

/** The learned parameters of a model that are selected. */
export function selectedNames(model: Model, selection: Selection): string[] {
  const learned = model.parameters.filter(({ carried }) => !carried).map(({ name }) => [name, name] as const);
  return Object.keys(selected(selection, Object.fromEntries(learned)));
}
