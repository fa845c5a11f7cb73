/** What reading hostile headers of just under the largest size takes at its peak, beside what the process had before. */
import { decodeTensors } from "../../src/data/safetensors.ts";

const LENGTH = 2 ** 21 - 64;

const headers = [
  `{"x":[${"[],".repeat(LENGTH / 3)}0]}`,
  `{"x":[${"{},".repeat(LENGTH / 3)}0]}`,
  `{"x":${"[".repeat(LENGTH / 2)}${"]".repeat(LENGTH / 2)}}`,
  `{${Array.from({ length: LENGTH / 10 }, (_, i) => `"${i.toString(36).padStart(5, "a")}":0`).join(",")}}`,
];

const files = headers.map((header) => {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
});

const before = process.resourceUsage().maxRSS;
let refused = 0;
for (const bytes of files) {
  try {
    decodeTensors(bytes);
  } catch {
    refused++;
  }
}
const mebibytes = Math.round((process.resourceUsage().maxRSS - before) / 1024);
console.log(JSON.stringify({ refused, mebibytes }));
