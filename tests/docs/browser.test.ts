/** The example page in a real browser, with the built bundle. */
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import puppeteer from "puppeteer-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { needs } from "../needs.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  "/examples/browser.html": "text/html",
  "/dist/quickstudy.min.js": "text/javascript",
};
/** Without these flags Chromium looks for its maker's servers at every start; the sandbox does not work for root. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
];

const chromium = (process.env.PATH ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "chromium"))
  .find((path) => existsSync(path));

const test = suite("example page");

/** Serves the two files that the page is made of. */
async function serve() {
  const server = createServer(({ url = "" }, response) => {
    const type = TYPES[url];
    if (type === undefined) response.writeHead(404).end();
    else response.writeHead(200, { "content-type": type }).end(readFileSync(join(root, url)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

needs(
  test,
  "chromium on the PATH",
  chromium !== undefined,
)("trains, draws, and stops and goes on when told to", async () => {
  const server = await serve();
  const browser = await puppeteer.launch({ executablePath: chromium as string, args: FLAGS });
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("requestfailed", (request) => errors.push(`${request.url()} failed`));
    page.on("response", (response) => {
      if (!response.ok()) errors.push(`${response.url()}: ${response.status()}`);
    });
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/examples/browser.html`);
    const progress = () => page.$eval("#progress", (element) => (element as HTMLProgressElement).value);
    await page.waitForFunction("document.getElementById('progress').value > 0.02");
    await page.click("#stop");
    await page.waitForFunction("document.getElementById('stop').textContent === 'Continue'");
    const stopped = await progress();
    const blank = await page.$eval("#plot", (canvas) => {
      const { width, height } = canvas as HTMLCanvasElement;
      const data = (canvas as HTMLCanvasElement).getContext("2d")?.getImageData(0, 0, width, height).data;
      return data === undefined || data.every((value) => value === 0);
    });
    assert.not(blank, "nothing is drawn");
    await page.click("#other");
    await page.click("#stop");
    await page.waitForFunction(`document.getElementById('progress').value > ${stopped + 0.01}`);
    assert.equal(errors, []);
  } finally {
    await browser.close();
    server.close();
  }
});

test.run();
