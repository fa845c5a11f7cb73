/** Pictures: what is drawn lies where the numbers say, and any name is only text. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type ClassResults,
  drawCalibration,
  drawConfusion,
  drawInfluence,
  drawLines,
  drawTrace,
} from "../../src/analysis.ts";
import { OptionError } from "../../src/errors.ts";
import { throwsA } from "../support/errors.ts";

const test = suite("pictures");

const results: ClassResults = {
  names: ["a", '<b> & "c"\u0007', "d"],
  confusion: [Float64Array.of(3, 1, 0), Float64Array.of(0, 4, 0), Float64Array.of(2, 0, 2)],
  accuracies: [0.75, 1, 0.5],
  logLikelihood: -0.5,
  calibration: {
    expectedError: 0.125,
    bins: [
      { from: 0, to: 0.5, count: 4, confidence: 0.4, accuracy: 0.25 },
      { from: 0.5, to: 1, count: 16, confidence: 0.8, accuracy: 1 },
    ],
  },
};

/** The values of an attribute of all elements of one kind that have a further attribute. */
const attributes = (svg: string, element: string, name: string, having = ""): number[] =>
  Array.from(svg.matchAll(new RegExp(`<${element} [^>]*>`, "g")), ([each]) => each)
    .filter((each) => each.includes(having))
    .map((each) => Number(new RegExp(` ${name}="([^"]*)"`).exec(each)?.[1]));

/** Elements are closed, attributes quoted, and text holds no markup. */
function wellFormed(svg: string): void {
  const open: string[] = [];
  const rest = svg.replace(/<(\/?)([a-z]+)((?: [\w:-]+="[^"<]*")*)(\/?)>/g, (_, closes, name, _attributes, empty) => {
    if (closes) assert.is(open.pop(), name);
    else if (!empty) open.push(name);
    return "";
  });
  assert.equal(open, []);
  assert.not.match(rest, /[<>]|&(?!amp;|lt;|gt;|quot;)/);
  assert.not.ok(svg.includes("\u0007"), "control characters");
}

test("a bar of the reliability diagram is as high as the part that is right, and the palest has the fewest predictions", () => {
  const svg = drawCalibration(results);
  wellFormed(svg);
  const heights = attributes(svg, "rect", "height", "fill-opacity");
  assert.ok(Math.abs((heights[0] as number) / (heights[1] as number) - 0.25) < 1e-3, `${heights}`);
  const shades = attributes(svg, "rect", "fill-opacity", "fill-opacity");
  assert.equal(
    shades,
    [0.25 + 0.75 * 0.5, 1].map((each) => Number(each.toFixed(2))),
  );
  assert.match(svg, /expected error 0\.125/);
});

test("a confusion matrix has the parts of each row, of the classes missed most often where there are more", () => {
  const svg = drawConfusion(results);
  wellFormed(svg);
  assert.equal(attributes(svg, "rect", "fill-opacity", "fill-opacity"), [0.75, 0.25, 1, 0.5, 0.5]);
  assert.match(svg, /&lt;b&gt; &amp; &quot;c&quot;\ufffd/);
  const fewer = drawConfusion(results, { classes: 2 });
  assert.match(fewer, /the 2 of 3 classes/);
  assert.equal(attributes(fewer, "rect", "fill-opacity", "fill-opacity"), [0.75, 0.5, 0.5]);
});

test("influence: what lowers the loss is blue, the strongest is full colour", () => {
  const explanation = {
    influence: Float32Array.of(-2, 1, 0, -0.5, 0.25, 2),
    saliency: {},
    losses: Float32Array.of(1, 1),
    classes: undefined,
  };
  const svg = drawInfluence(explanation, { queries: ["first", "second"] });
  wellFormed(svg);
  assert.equal(attributes(svg, "rect", "fill-opacity", "fill-opacity"), [1, 0.5, 0.25, 0.13, 1]);
  const colours = Array.from(svg.matchAll(/<rect [^>]*fill="(#\w+)" fill-opacity/g), ([, colour]) => colour);
  assert.equal(colours, ["#0072b2", "#d55e00", "#0072b2", "#d55e00", "#d55e00"]);
  throwsA(OptionError, () => drawInfluence(explanation, { support: ["one"] }), "drawInfluence: support", "3 names");
});

test("lines go through their points, ticks are round, and what is not finite is left out", () => {
  const curves = [
    { name: "up", y: [0, 5, 10] },
    { name: "holes", y: [10, Number.NaN, 0] },
  ];
  const svg = drawLines({ title: "t", x: "x", y: "y", curves });
  wellFormed(svg);
  const [up, holes] = Array.from(svg.matchAll(/points="([^"]*)"/g), ([, points = ""]) =>
    points.split(" ").map((each) => each.split(",").map(Number)),
  );
  assert.equal(up?.length, 3);
  assert.equal([holes?.[0]?.[1], holes?.[1]?.[1]], [up?.[2]?.[1], up?.[0]?.[1]]);
  assert.is(up?.[1]?.[1], ((up?.[0]?.[1] as number) + (up?.[2]?.[1] as number)) / 2);
  const numbers = Array.from(svg.matchAll(/text-anchor="end">([^<]*)</g), ([, each]) => Number(each));
  assert.equal(numbers, [0, 2, 4, 6, 8, 10]);
  const long = drawLines({ title: "t", x: "x", y: "y", curves: [{ name: "long", y: new Float64Array(1e5).fill(1) }] });
  wellFormed(long);
  assert.ok(long.length < 20_000, "a long curve is thinned");
  throwsA(OptionError, () => drawLines({ title: "t", x: "x", y: "y", curves: [] }), "drawLines: curves");
});

test("a trace is two pictures below one another, at whole steps", () => {
  const trace = [0, 1, 2].map((step) => ({
    step,
    support: step / 2,
    queries: undefined,
    moved: { body: step, head: 2 * step },
  }));
  const svg = drawTrace(trace);
  wellFormed(svg);
  assert.equal(attributes(svg, "svg", "y").slice(1), [0, 400]);
  assert.is(Array.from(svg.matchAll(/<polyline/g)).length, 3);
  assert.not.match(svg, />0\.5<\/text><line x1=/);
  throwsA(OptionError, () => drawTrace([]), "drawTrace: trace");
});

test.run();
