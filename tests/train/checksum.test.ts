/** The update program's checksum sees every non-finite number, whatever the rule makes of it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../../src/core/run.ts";
import { maml } from "../../src/learners/maml.ts";
import { mlp } from "../../src/nn/networks.ts";
import { adam, adamW, clipped, sgd } from "../../src/optim/optimizer.ts";
import type { Optimizer } from "../../src/optim/rule.ts";
import { cosineDecay, stepDecay } from "../../src/optim/schedule.ts";
import { initProgram, outputShapes } from "../../src/train/programs.ts";
import { CHECKSUM, optimizerStartProgram, updateProgram } from "../../src/train/update.ts";

const test = suite("checksum");

const RULES: Readonly<Record<string, Optimizer>> = {
  "sgd of rate 0": sgd(0),
  sgd: sgd(0.1),
  momentum: sgd(0.1, { momentum: 0.9, nesterov: true }),
  "adam of rate 0": adam(0),
  "adam without averages": adam(1e-3, { beta1: 0, beta2: 0 }),
  adamW: adamW(1e-3),
  clipped: clipped(adam(1e-3), 1),
  decayed: sgd(stepDecay(0.1, { every: 10 })),
  annealed: adam(cosineDecay(1e-3, { steps: 10 })),
};

for (const [name, rule] of Object.entries(RULES)) {
  test(`${name}: a gradient or parameter that is not finite shows`, () => {
    const learner = maml(mlp({ inputShape: 1, hidden: [4], outputs: 1 }));
    const { plan } = initProgram(learner);
    const init = optimizerStartProgram(rule, plan.meta);
    const options = { plan, optimizer: rule, memory: outputShapes(init), tasks: 4, average: undefined };
    const program = updateProgram(options);
    const started = run(init, Object.fromEntries(init.inputs.map(({ name, shape }) => [name, arrayOf(shape)])));
    const inputs = Object.fromEntries(
      program.inputs.map(({ name, shape }) => [
        name,
        started[name.replace("optimizer.", "")] ?? arrayOf(shape, name.startsWith("gradient.") ? 0.5 : 0.1),
      ]),
    );
    const checksum = () => (run(program, inputs)[CHECKSUM] as Float32Array)[0];
    assert.ok(Number.isFinite(checksum()), "finite numbers have a finite checksum");
    const watched = Object.keys(inputs).filter((each) => /^(gradient|meta)\./.test(each));
    assert.ok(watched.length >= 8, `${watched}`);
    for (const each of watched) {
      const data = inputs[each] as Float32Array;
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const good = data[0] as number;
        data[0] = bad;
        assert.not.ok(Number.isFinite(checksum()), `${bad} in ${each}`);
        data[0] = good;
      }
    }
  });
}

function arrayOf(shape: readonly number[], value = 0.1): Float32Array {
  return new Float32Array(shape.reduce((product, extent) => product * extent, 1)).fill(value);
}

test.run();
