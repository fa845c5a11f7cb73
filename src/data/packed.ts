/** Fitted preprocessing as files hold it: named arrays, and one entry of metadata that says whose they are. */
import { isRecord, requireObject } from "../arguments.ts";
import { FormatError } from "../errors.ts";
import type { Fit } from "./features/feature.ts";

/** Arrays by name with metadata, as a safetensors file holds them. */
export interface Packed {
  readonly tensors: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Fits by column and feature. */
export type Fits = Readonly<Record<string, readonly Fit[]>>;

/** The name of the metadata, and what the names of the arrays begin with. */
const NAME = "preprocessing";

/** What the metadata say of one fit. */
interface Listed {
  readonly arrays: readonly string[];
  readonly names: Readonly<Record<string, readonly string[]>>;
}

const tensorName = (column: number, feature: number, array: string): string => `${NAME}.${column}.${feature}.${array}`;

/** Equal fits give equal names, arrays and text. */
export function pack(description: string, fits: Fits): Packed {
  const tensors: Record<string, Packed["tensors"][string]> = {};
  const columns = Object.entries(fits).map(([name, list], column) => {
    const listed = list.map(({ arrays = {}, names = {} }, feature): Listed => {
      for (const [array, data] of Object.entries(arrays)) {
        tensors[tensorName(column, feature, array)] = { shape: [data.length], data };
      }
      return { arrays: Object.keys(arrays), names };
    });
    return [name, listed] as const;
  });
  return { tensors, metadata: { [NAME]: JSON.stringify({ description, columns }) } };
}

/**
 * The fits that were packed. Other arrays and metadata may be beside them.
 * @param description what they must be fits of
 * @throws FormatError where they are missing, damaged, not finite or of another description
 */
export function unpack(description: string, packed: Packed): Fits {
  requireObject("unpack: packed", packed, "an object { tensors, metadata }", ["tensors", "metadata"]);
  const { tensors, metadata } = packed;
  const listed = parsed(metadata[NAME]);
  if (listed.description !== description) {
    throw new FormatError(
      `${NAME}: the file must hold a fit of ${description}, got one of ${String(listed.description).slice(0, 2000)}`,
    );
  }
  if (!Array.isArray(listed.columns)) throw damaged("columns must be a list");
  const columns = listed.columns.map((entry: unknown, column) => {
    const [name, list] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof name !== "string" || !Array.isArray(list)) throw damaged(`column ${column} must have a name and fits`);
    return [name, list.map((each, feature) => fitOf(each, tensors, column, feature))] as const;
  });
  return Object.fromEntries(columns);
}

const damaged = (what: string): FormatError => new FormatError(`${NAME}: ${what}: the file is damaged`);

function parsed(text: unknown): Readonly<Record<string, unknown>> {
  if (typeof text !== "string") throw new FormatError(`${NAME}: the file must hold a fit, got none`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged("its metadata must be JSON");
  }
  if (!isRecord(value)) throw damaged("its metadata must be an object");
  return value;
}

function fitOf(listed: unknown, tensors: Packed["tensors"], column: number, feature: number): Fit {
  const { arrays, names } = isRecord(listed) ? listed : {};
  const texts = (list: unknown): boolean => Array.isArray(list) && list.every((each) => typeof each === "string");
  if (!texts(arrays) || !isRecord(names) || !Object.values(names).every(texts)) {
    throw damaged(`fit ${feature} of column ${column} must list arrays and names`);
  }
  const entries = (arrays as readonly string[]).map((array) => {
    const name = tensorName(column, feature, array);
    const data = Object.hasOwn(tensors, name) ? tensors[name]?.data : undefined;
    if (!(data instanceof Float32Array)) throw damaged(`there must be an array ${name}`);
    if (!data.every(Number.isFinite)) throw damaged(`array ${name} must have finite numbers`);
    return [array, data] as const;
  });
  return { arrays: Object.fromEntries(entries), names: names as Fit["names"] & object };
}
