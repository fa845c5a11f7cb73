import { block } from "./kernels/block";
import { conv2d, conv2dInputGrad, conv2dWeightGrad } from "./kernels/convolution";
import { copy, fill } from "./kernels/copy";
import { gather, oneHot, scatterAdd } from "./kernels/indexing";
import { matMul } from "./kernels/matmul";
import { averagePool, averagePoolGrad, maxPoolWinners, poolGather, poolScatter } from "./kernels/pooling";
import { randomNormal, randomUniform } from "./kernels/random";
import { maximum, sum } from "./kernels/reduce";
import { logSoftmax, logSumExp, softmax } from "./kernels/rows";
import { solve } from "./kernels/solve";
import { Abi, Opcode } from "./opcodes";

/** Executes `count` instructions of a program that the host has validated (layout: opcodes.ts). */
export function interpret(program: usize, count: i32): void {
  const base = usize(load<u32>(program));
  let at = program + Abi.HeaderWords * 4;
  for (let i = 0; i < count; i++) {
    execute(load<i32>(at), at + Abi.PrefixWords * 4, base);
    at += usize(load<u32>(at, 4)) << 2;
  }
}

/** Executes one instruction: `fields` points behind its prefix, `base` is the arena. */
function execute(opcode: i32, fields: usize, base: usize): void {
  switch (opcode) {
    case Opcode.Block:
      return block(fields, base);
    case Opcode.MatMul:
      return matMul(fields, base);
    case Opcode.Conv2d:
      return conv2d(fields, base);
    case Opcode.Conv2dInputGrad:
      return conv2dInputGrad(fields, base);
    case Opcode.Conv2dWeightGrad:
      return conv2dWeightGrad(fields, base);
    case Opcode.MaxPoolWinners:
      return maxPoolWinners(fields, base);
    case Opcode.PoolGather:
      return poolGather(fields, base);
    case Opcode.PoolScatter:
      return poolScatter(fields, base);
    case Opcode.AveragePool:
      return averagePool(fields, base);
    case Opcode.AveragePoolGrad:
      return averagePoolGrad(fields, base);
    case Opcode.Sum:
      return sum(fields, base);
    case Opcode.Max:
      return maximum(fields, base);
    case Opcode.Softmax:
      return softmax(fields, base);
    case Opcode.LogSoftmax:
      return logSoftmax(fields, base);
    case Opcode.LogSumExp:
      return logSumExp(fields, base);
    case Opcode.Gather:
      return gather(fields, base);
    case Opcode.ScatterAdd:
      return scatterAdd(fields, base);
    case Opcode.OneHot:
      return oneHot(fields, base);
    case Opcode.Copy:
      return copy(fields, base);
    case Opcode.Fill:
      return fill(fields, base);
    case Opcode.RandomUniform:
      return randomUniform(fields, base);
    case Opcode.RandomNormal:
      return randomNormal(fields, base);
    case Opcode.Solve:
      return solve(fields, base);
  }
}
