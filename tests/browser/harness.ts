/**
 * Runs the scenarios with the built package in each runtime. They are bundled once per runtime, all but "quickstudy"
 * itself, which becomes the address of the built file: what runs is what users get. "quickstudy/data" is bundled from the
 * modules that users' bundlers take.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import puppeteer, { type LaunchOptions } from "puppeteer-core";

export type Hashes = Readonly<Record<string, string>>;

export interface Runtime {
  readonly name: string;
  /** What it takes and where that was looked for. */
  readonly needs: string;
  readonly available: boolean;
  hashes(): Promise<Hashes>;
}

/** Milliseconds that the scenarios may take in a page. */
const TIME_LIMIT = 600_000;

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The scenarios as one module, followed by `last`; `hashes` is in scope there. */
async function bundle(quickstudy: string, last: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `import { hashes } from "./hashes.ts";\n${last}`,
      loader: "ts",
      resolveDir: join(root, "tests/browser"),
    },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    logLevel: "warning",
    plugins: [
      {
        name: "quickstudy",
        setup({ onResolve }) {
          onResolve({ filter: /^quickstudy$/ }, () => ({ path: quickstudy, external: true }));
          onResolve({ filter: /^quickstudy\/data$/ }, () => ({ path: join(root, "dist/modules/src/data.js") }));
        },
      },
    ],
  });
  return outputFiles[0]?.text ?? "";
}

/** A runtime with a command line: `file` is the built module of the package. */
function commandLine(name: string, needs: string, command: string, args: readonly string[], file: string): Runtime {
  return {
    name,
    needs,
    available: existsSync(command),
    async hashes() {
      const built = pathToFileURL(join(root, "dist", file)).href;
      const folder = await mkdtemp(join(tmpdir(), "quickstudy-"));
      try {
        const script = join(folder, "scenarios.mjs");
        await writeFile(script, await bundle(built, "console.log(JSON.stringify(await hashes()));"));
        const { stdout } = await promisify(execFile)(command, [...args, script], { cwd: folder });
        return JSON.parse(stdout) as Hashes;
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  };
}

function onPath(command: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, command)).find((path) => existsSync(path));
}

/** The strictest policy that WebAssembly and workers allow: no inline scripts, no `eval`. */
const POLICY = "default-src 'none'; img-src data:; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:";
const PAGE = `<!doctype html><title>quickstudy</title>
<link rel="icon" href="data:,">
<script type="module" src="/scenarios.js"></script>`;

/** Serves the page, the scenarios and the built bundle on a free port of this machine. */
async function serve(): Promise<{ url: string; close(): void }> {
  const files = new Map([
    ["/", { type: "text/html", body: PAGE }],
    [
      "/scenarios.js",
      { type: "text/javascript", body: await bundle("/quickstudy.min.js", "globalThis.found = hashes();") },
    ],
    ["/quickstudy.min.js", { type: "text/javascript", body: await readFile(join(root, "dist/quickstudy.min.js")) }],
    ["/worker.js", { type: "text/javascript", body: await readFile(join(root, "dist/worker.js")) }],
  ]);
  const server = createServer(({ url = "" }, response) => {
    const file = files.get(url);
    if (file) response.writeHead(200, { "content-type": file.type, "content-security-policy": POLICY }).end(file.body);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() };
}

/** Without these flags Chromium looks for its maker's servers at every start; the sandbox does not work for root. */
const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A browser that puppeteer drives, with a new profile. */
function browser(name: string, command: string, options: LaunchOptions): Runtime {
  const executablePath = onPath(command);
  return {
    name,
    needs: `${command} on the PATH`,
    available: executablePath !== undefined,
    async hashes() {
      const site = await serve();
      const launched = await puppeteer.launch({
        ...options,
        executablePath: executablePath as string,
        protocolTimeout: TIME_LIMIT,
      });
      try {
        const page = await launched.newPage();
        const errors: unknown[] = [];
        page.on("pageerror", (error) => errors.push(error)).on("console", (message) => console.log(message.text()));
        await page.goto(site.url, { waitUntil: "load" });
        const found = await page.evaluate("globalThis.found");
        if (errors.length > 0) throw errors[0];
        return found as Hashes;
      } finally {
        await launched.close();
        site.close();
      }
    },
  };
}

/** Where the npm packages of the runtimes keep their programs. */
const denoPath = join(root, "node_modules/deno/deno");
const bunPath = join(root, "node_modules/bun/bin/bun.exe");

export const node = commandLine("Node", "Node", process.execPath, [], "index.js");

/** Every runtime that has to give Node's bits. */
export const runtimes: readonly Runtime[] = [
  commandLine("Node, minified", "Node", process.execPath, [], "quickstudy.min.js"),
  browser("Chromium", "chromium", { args: CHROMIUM_FLAGS }),
  browser("Firefox", "firefox-esr", { browser: "firefox" }),
  commandLine("Deno", "the npm package deno", denoPath, ["run", "--no-config", "--no-prompt"], "index.js"),
  commandLine("Bun", "the npm package bun", bunPath, ["run"], "index.js"),
];
