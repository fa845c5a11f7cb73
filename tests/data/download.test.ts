/** Downloads from a server on this machine that drops connections and lies about lengths. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { AbortedError, DataError } from "../../src/errors.ts";
import { type DownloadOptions, type DownloadRequest, download } from "../../src/node.ts";

const test = suite("data: downloads");
const folder = mkdtempSync(join(tmpdir(), "quickstudy-download-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const SIZE = 300_000;
const contents = Buffer.from(Uint8Array.from({ length: SIZE }, (_, i) => (i * 2654435761) >>> 24));
const sha256 = createHash("sha256").update(contents).digest("hex");

type Answer = (request: IncomingMessage, response: ServerResponse, from: number) => void;
let answer: Answer;
let requests: (string | undefined)[] = [];
const server = createServer((request, response) => {
  requests.push(request.headers.range);
  answer(request, response, Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0));
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
server.unref();
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;

const head = (response: ServerResponse, from: number, length = SIZE - from) =>
  from === 0
    ? response.writeHead(200, { "content-length": length })
    : response.writeHead(206, { "content-length": length, "content-range": `bytes ${from}-${SIZE - 1}/${SIZE}` });
const honest: Answer = (_, response, from) => head(response, from).end(contents.subarray(from));
/** Sends some bytes and hangs up, a little later: `fetch` throws away what it holds when the connection ends before it is read. */
const dropping =
  (bytes: number): Answer =>
  (_, response, from) => {
    head(response, from).write(contents.subarray(from, from + bytes), () => setTimeout(() => response.destroy(), 100));
  };

let count = 0;
async function fetched(options: Partial<DownloadOptions> = {}, path = join(folder, `file${count++}`)): Promise<string> {
  requests = [];
  await download(url, path, { bytes: SIZE, sha256, consent: true, ...options });
  return path;
}
async function fails(kind: new (message: string) => Error, parts: RegExp, options: Partial<DownloadOptions> = {}) {
  const path = join(folder, `file${count++}`);
  try {
    await fetched(options, path);
  } catch (error) {
    assert.instance(error, kind);
    assert.match((error as Error).message, parts);
    assert.not(existsSync(path), "a file has the name");
    assert.not(existsSync(`${path}.part.lock`), "a lock is left");
    return path;
  }
  assert.unreachable("it was downloaded");
  return path;
}

test("an honest server: the file, its progress, and no other file", async () => {
  answer = honest;
  const seen: number[] = [];
  const asked: DownloadRequest[] = [];
  const consent = async (request: DownloadRequest) => asked.push(request) > 0;
  const path = await fetched({ onProgress: (bytes, total) => seen.push(bytes / total), consent });
  assert.ok(readFileSync(path).equals(contents));
  assert.is(seen.at(-1), 1);
  assert.equal(asked, [{ url, path, bytes: SIZE }]);
  for (const other of [".part", ".part.lock"]) assert.not(existsSync(path + other));
  await fetched({ consent: () => false }, path);
  assert.equal(requests, [], "what is there already is fetched again");
});

test("connections that drop are taken up where they ended", async () => {
  answer = dropping(70_000);
  const path = await fetched();
  assert.ok(readFileSync(path).equals(contents));
  assert.is(requests[0], undefined);
  assert.ok(
    requests.length >= 5 && requests.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range ?? "")),
    `${requests}`,
  );
});

test("a server without ranges: every connection begins anew", async () => {
  let calls = 0;
  answer = (request, response) => {
    calls += 1;
    (calls === 1 ? dropping(70_000) : honest)(request, response, 0);
  };
  assert.ok(readFileSync(await fetched()).equals(contents));
  assert.is(calls, 2);
});

test("a server that brings nothing: given up, and gone on with by a later call", async () => {
  let left = 1;
  answer = (request, response, from) => (left-- > 0 ? dropping(70_000)(request, response, from) : response.destroy());
  const path = await fails(DataError, /must be reachable, got .* 6 times.*is kept/);
  assert.ok(statSync(`${path}.part`).size > 0);
  answer = honest;
  await fetched({}, path);
  assert.is(requests.length, 1);
  assert.match(requests[0] ?? "", /^bytes=[1-9]/);
  assert.ok(readFileSync(path).equals(contents));
});

test("trouble of the server passes, a missing file does not", async () => {
  let calls = 0;
  answer = (request, response, from) => {
    if (calls++ < 2) response.writeHead(503).end();
    else honest(request, response, from);
  };
  assert.ok(readFileSync(await fetched()).equals(contents));
  answer = (_, response) => response.writeHead(404).end("no");
  await fails(DataError, /must be a file, got status 404/);
  assert.is(requests.length, 1);
});

test("lies about lengths are refused, and nothing of them is kept", async () => {
  const lies: Readonly<Record<string, readonly [Answer, RegExp]>> = {
    "a length that is too long": [
      (_, response) => response.writeHead(200, { "content-length": SIZE + 1 }).end(Buffer.alloc(SIZE + 1)),
      /must have 300000 bytes, got 300001/,
    ],
    "a length that is too short": [
      (_, response) => response.writeHead(200, { "content-length": 10 }).end(contents.subarray(0, 10)),
      /must have 300000 bytes, got 10/,
    ],
    "no length, and a body that never ends": [
      (_, response) => {
        const write = () => {
          while (!response.destroyed && response.write(contents));
          if (!response.destroyed) response.once("drain", write);
        };
        response.writeHead(200);
        write();
      },
      /must have 300000 bytes, got more than 300000/,
    ],
    "a range of another file": [
      (request, response, from) => {
        if (from === 0) dropping(70_000)(request, response, 0);
        else response.writeHead(206, { "content-range": `bytes ${from}-9/10` }).end("x");
      },
      /must go on at byte \d+ of 300000, got the range "bytes \d+-9\/10"/,
    ],
    "a range that begins elsewhere": [
      (request, response, from) => {
        if (from === 0) dropping(70_000)(request, response, 0);
        else response.writeHead(206, { "content-range": `bytes 0-${SIZE - 1}/${SIZE}` }).end(contents);
      },
      /must go on at byte/,
    ],
  };
  for (const [what, [liar, message]] of Object.entries(lies)) {
    answer = liar;
    const path = await fails(DataError, message);
    assert.not(existsSync(`${path}.part`), what);
  }
});

test("a body that ends too soon without a length is no whole file", async () => {
  answer = (_, response) => response.writeHead(200, { connection: "close" }).end(contents.subarray(0, 1000));
  await fails(DataError, /must be reachable, got an end after 1000 of 300000 bytes/);
});

test("other contents of the right length are refused; what an earlier call left is tried once more from the start", async () => {
  const other = Buffer.from(contents);
  other[5] = (other[5] as number) ^ 1;
  answer = (_, response, from) => head(response, from).end(other.subarray(from));
  const path = await fails(DataError, /must be the published file, got one with SHA-256 [0-9a-f]{64} in place of/);
  assert.not(existsSync(`${path}.part`));
  writeFileSync(`${path}.part`, other.subarray(0, 1000));
  answer = honest;
  await fetched({}, path);
  assert.ok(readFileSync(path).equals(contents));
  writeFileSync(`${path}2.part`, Buffer.alloc(SIZE + 7));
  assert.ok(readFileSync(await fetched({}, `${path}2`)).equals(contents), "what is too long is thrown away");
});

test("another file of the name stays", async () => {
  const path = join(folder, "mine");
  writeFileSync(path, "mine");
  answer = honest;
  await download(url, path, { bytes: SIZE, sha256, consent: true }).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /got one with 4 bytes in place of 300000; remove it/),
  );
  assert.is(readFileSync(path, "utf8"), "mine");
});

test("consent that is not given, and a signal, stop it", async () => {
  answer = honest;
  await fails(AbortedError, /consent was not given/, { consent: () => false });
  assert.equal(requests, []);
  const stop = new AbortController();
  answer = (_, response, from) => void head(response, from).write(contents.subarray(0, 1000), () => stop.abort());
  await fails(AbortedError, /stopped by its signal/, { signal: stop.signal });
});

test("a folder that does not exist, and two at once", async () => {
  answer = honest;
  const nowhere = join(folder, "no", "where");
  await download(url, nowhere, { bytes: SIZE, consent: true }).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /cannot be written \(ENOENT\)/),
  );
  const path = join(folder, "both");
  const results = await Promise.allSettled([fetched({}, path), fetched({}, path)]);
  const refused = results.filter(({ status }) => status === "rejected");
  assert.ok(refused.length <= 1);
  assert.ok(readFileSync(path).equals(contents));
});

test.after(() => void server.closeAllConnections());
test.run();
