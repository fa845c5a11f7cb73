/** The order of the floors: who may import whom. docs/architecture.md says what lives where. */

/** Each entry may import from the ones before it, and from itself. */
export const FLOORS = [
  [
    "assembly/opcodes.ts",
    "build/core.js",
    "build/worker.js",
    "src/errors.ts",
    "src/arguments.ts",
    "src/options.ts",
    "src/portable-math.ts",
    "src/random.ts",
    "src/version.ts",
  ],
  ["src/program"],
  ["src/core"],
  ["src/graph"],
  ["src/compile"],
  ["src/nn"],
  ["src/optim"],
  ["src/learners"],
  ["src/tasks"],
  ["src/data"],
  ["src/executors"],
  ["src/train"],
  ["src/analysis"],
  ["src/cli"],
] as const;

/** What a floor must not know although it lies above: stricter than the order. */
const UNKNOWN_TO: Readonly<Record<string, readonly string[]>> = {
  "src/program": ["build/core.js"],
  "src/graph": ["src/core", "src/program", "build/core.js"],
  "src/optim": ["src/nn"],
  "src/data": ["src/learners"],
  "src/executors": ["src/graph", "src/nn", "src/optim", "src/learners"],
};

/** Learners say which tasks they take: types only, known from this floor on. */
const SHARED_TYPES = { file: "src/tasks/types.ts", from: "src/learners" };

/** Public faces: they may import anything, and nothing may import them. */
const ENTRIES = ["src/index.ts", "src/data.ts", "src/analysis.ts", "src/node.ts"];
/** The entries that run everywhere, with the packages that they may reach. */
const UNIVERSAL_ENTRIES: Readonly<Record<string, readonly string[]>> = {
  "src/index.ts": ["@assemblyscript/loader"],
  "src/analysis.ts": ["@assemblyscript/loader"],
  "src/data.ts": ["fast-png", "fflate", "hyparquet", "jpeg-js", "papaparse"],
};

interface Import {
  readonly target: string;
  /** Erased by the compiler. */
  readonly typeOnly: boolean;
}

/** Anchored to the line's start, so that snippets in comments do not count. */
const STATIC = /^(?:import|export)\s+(type\s+)?(?:[\w$*\s{},]+?\sfrom\s+)?"([^"]+)"/gm;
const DYNAMIC = /^(?!\s*(?:\*|\/\/)).*\bimport\(\s*"([^"]+)"\s*\)/gm;

/** The imports of a source file: relative ones as paths from the root, others as they are. */
export function importsOf(path: string, text: string): Import[] {
  const resolve = (target: string) =>
    target.startsWith(".") ? new URL(target, `file:///${path}`).pathname.slice(1) : target;
  return [
    ...Array.from(text.matchAll(STATIC), ([, type, target = ""]) => ({ target: resolve(target), typeOnly: !!type })),
    ...Array.from(text.matchAll(DYNAMIC), ([, target = ""]) => ({ target: resolve(target), typeOnly: false })),
  ];
}

const owns = (place: string, path: string) => path === place || path.startsWith(`${place}/`);
const floorOf = (path: string) => FLOORS.findIndex((places) => places.some((place) => owns(place, path)));

/**
 * Everything that is wrong with the import graph, a line each.
 * @param sources the text of every file of src/, by its path from the root
 */
export function violations(sources: ReadonlyMap<string, string>): string[] {
  const graph = new Map(Array.from(sources, ([path, text]) => [path, importsOf(path, text)]));
  const found: string[] = [];
  for (const [path, imports] of graph) {
    if (ENTRIES.includes(path)) continue;
    if (floorOf(path) < 0) found.push(`${path}: is on no floor; scripts/floors.ts lists them`);
    for (const each of imports) {
      const why = forbidden(path, each);
      if (why !== undefined) found.push(`${path}: must not import ${each.target}: ${why}`);
    }
  }
  return [
    ...found,
    ...cycles(graph),
    ...Object.keys(UNIVERSAL_ENTRIES).flatMap((entry) => universalViolations(graph, entry)),
  ];
}

function forbidden(path: string, { target, typeOnly }: Import): string | undefined {
  if (!/^(src|assembly|build)\//.test(target)) return undefined;
  if (ENTRIES.includes(target)) return "an entry is for users of the package";
  const [from, to] = [floorOf(path), floorOf(target)];
  if (to < 0) return "it is on no floor";
  const shared = typeOnly && target === SHARED_TYPES.file && from >= floorOf(SHARED_TYPES.from);
  if (to > from && !shared) return "it lies below";
  for (const [place, unknown] of Object.entries(UNKNOWN_TO)) {
    if (owns(place, path) && unknown.some((each) => owns(each, target))) return `${place} knows nothing of it`;
  }
  return undefined;
}

type ImportGraph = ReadonlyMap<string, readonly Import[]>;

/** Cycles at run time; imports of types are erased. */
function cycles(graph: ImportGraph): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, above: readonly string[]): void => {
    if (above.includes(path)) {
      found.push(`cycle: ${[...above.slice(above.indexOf(path)), path].join(" -> ")}`);
      return;
    }
    if (done.has(path)) return;
    for (const { target, typeOnly } of graph.get(path) ?? []) if (!typeOnly) visit(target, [...above, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}

/** A universal entry runs where there is neither Node nor node_modules. */
function universalViolations(graph: ImportGraph, entry: string): string[] {
  const found: string[] = [];
  const reached = new Set([entry]);
  for (const path of reached) {
    for (const { target, typeOnly } of graph.get(path) ?? []) {
      if (typeOnly) continue;
      if (/^(src|assembly|build)\//.test(target)) reached.add(target);
      else if (!UNIVERSAL_ENTRIES[entry]?.includes(target)) {
        found.push(`${path}: must not import ${target}: ${entry} reaches it and has to run everywhere`);
      }
    }
  }
  return found;
}
