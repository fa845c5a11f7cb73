import { requireNumber, wrong } from "../../arguments.ts";
import { sizeOf } from "../../graph/shape.ts";
import { type Feature, requireFeature } from "./feature.ts";

/** A feature whose numbers are brought within [low, high]: `clip(standardise("age"), -3, 3)`. */
export function clip(feature: Feature, low: number, high: number): Feature {
  requireFeature("clip: feature", feature);
  requireNumber("clip: low", low);
  requireNumber("clip: high", high);
  if (low > high) throw wrong("clip: high", `at least low, ${low}`, high);
  return {
    description: `clip(${feature.description}, ${low}, ${high})`,
    reads: feature.reads,
    fit: (table) => feature.fit(table),
    fitted(fit) {
      const inner = feature.fitted(fit);
      const length = sizeOf(inner.shape);
      return {
        ...inner,
        write(row, out, offset) {
          inner.write(row, out, offset);
          for (let i = offset; i < offset + length; i++) out[i] = Math.min(Math.max(out[i] as number, low), high);
        },
      };
    },
  };
}
