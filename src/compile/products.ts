/**
 * Rewrites matrix products before they are fused: the gradient of a linear layer on a few examples is a product of low rank, and
 * multiplying by its factors one after the other costs less than forming it.
 *
 *     x (w - a PQ)       =  xw - a (xP)Q     where nobody but products reads the bracket: an adapted layer is never formed
 *     x (PQ)             =  (xP)Q
 *     P'Q + R'S          =  [P; R]' [Q; S]   the parts of one weight's gradient
 */
import { type Graph, liveNodes, type Tensors } from "../graph/graph.ts";
import { add, concat, matmul, multiply, negate } from "../graph/operators/index.ts";
import { type Tensor, withTrace } from "../graph/tensor.ts";

/** Multiplications that take as long as starting one more instruction. */
const INSTRUCTION = 2000;
/** Multiplications that take as long as one element of an elementwise step through memory. */
const ELEMENTWISE = 4;
/** Multiplications that take as long as copying one element. */
const COPY = 2;
/** A rewritten product must be so many times cheaper. */
const MARGIN = 1.3;
/** More terms are not looked at. */
const MAXIMUM_TERMS = 12;

/** A term of a matrix that is a linear combination: coefficients times a product of low rank, or times something else. */
interface Term {
  readonly base: Tensor;
  readonly scalars: readonly Tensor[];
  readonly negative: boolean;
  readonly rank: number;
}

/** The graph with its products rewritten where that is cheaper, or the graph itself. */
export function rewriteProducts(graph: Graph): Graph {
  if (!graph.nodes.some((node) => isProduct(node) && isLow(node))) return graph;
  return new Rewriting(graph).result();
}

function isProduct(node: Tensor): boolean {
  return node.operator.name === "matmul" && node.rank === 2;
}

/** Whether multiplying by the factors of a product may cost less than multiplying by the product. */
function isLow(product: Tensor): boolean {
  const [rows, columns] = product.shape as [number, number];
  return 2 * depthOf(product) * (rows + columns) <= rows * columns;
}

/** The extent that a product sums over. */
function depthOf(product: Tensor): number {
  const { shape } = product.inputs[0] as Tensor;
  return shape[product.attributes.transposeA ? 0 : 1] as number;
}

/** Whether a node is its operand under another name. */
function isName({ operator }: Tensor): boolean {
  return operator.name === "stopGradient" || operator.name === "boundary";
}

/** A value without the names that passes give it. */
function strip(node: Tensor): Tensor {
  let value = node;
  while (isName(value)) value = value.inputs[0] as Tensor;
  return value;
}

class Rewriting {
  private readonly readers = new Map<Tensor, Tensor[]>();
  private readonly outputs: ReadonlySet<Tensor>;
  private readonly terms = new Map<Tensor, readonly Term[]>();
  /** Matrices that are never formed, and the products that read them. */
  private readonly dissolved = new Set<Tensor>();
  /** Products that multiply by an operand's terms, and which operand that is. */
  private readonly expanded = new Map<Tensor, 0 | 1>();
  /** Sums with products among their parts that become one. */
  private readonly joined = new Map<
    Tensor,
    { readonly products: readonly Tensor[]; readonly others: readonly Tensor[] }
  >();

  constructor(private readonly graph: Graph) {
    this.outputs = new Set(Object.values(graph.outputs).map(strip));
    for (const node of graph.nodes) {
      if (isName(node)) continue;
      for (const input of new Set(node.inputs.map(strip))) {
        const known = this.readers.get(input);
        if (known === undefined) this.readers.set(input, [node]);
        else known.push(node);
      }
    }
  }

  result(): Graph {
    // Consumers before operands: a matrix that only dissolved ones read dissolves with them.
    for (const node of [...this.graph.nodes].reverse()) if (this.dissolves(node)) this.dissolved.add(node);
    for (const node of this.graph.nodes) this.expand(node);
    this.readAgain();
    for (const node of [...this.graph.nodes].reverse()) this.join(node);
    return this.expanded.size + this.joined.size === 0 ? this.graph : this.rebuilt();
  }

  /** Whether forming the matrix costs more than multiplying by its terms wherever it is read. */
  private dissolves(node: Tensor): boolean {
    if (!isLinear(node) || node.rank !== 2 || this.outputs.has(node)) return false;
    const readers = this.readers.get(node) ?? [];
    const products = readers.filter(isProduct);
    if (readers.some((reader) => !isProduct(reader) && !this.dissolved.has(reader))) return false;
    const terms = this.termsOf(node);
    const low = terms.filter(({ rank }) => rank > 0);
    if (low.length === 0 || terms.length - low.length > 1) return false;
    const extra = products.reduce((total, reader) => total + this.extraCost(reader, node, low), 0);
    // The last product of the terms is the one that is added here: the others were paid by what it dissolves with.
    const rank = Math.max(...low.map((term) => term.rank));
    return MARGIN * extra < node.size * (rank + ELEMENTWISE) + 2 * INSTRUCTION;
  }

  /** What multiplying by terms of low rank costs a reader of their sum. */
  private extraCost(reader: Tensor, matrix: Tensor, low: readonly Term[]): number {
    const [rows, columns] = matrix.shape as [number, number];
    const free = this.freeExtent(reader, matrix);
    return low.reduce((total, { rank }) => total + free * rank * (rows + columns) + 2 * INSTRUCTION, 0);
  }

  /** The extent of a product that is not its operand's. */
  private freeExtent(reader: Tensor, operand: Tensor): number {
    return reader.shape[strip(reader.inputs[0] as Tensor) === operand ? 1 : 0] as number;
  }

  /** Notes for a product whether it multiplies by the terms of one of its operands. */
  private expand(node: Tensor): void {
    if (!isProduct(node)) return;
    for (const index of [1, 0] as const) {
      const matrix = strip(node.inputs[index] as Tensor);
      if (strip(node.inputs[1 - index] as Tensor) === matrix) return;
      if (this.dissolved.has(matrix) || this.isCheaperByTerms(node, matrix)) {
        this.expanded.set(node, index);
        return;
      }
    }
  }

  private isCheaperByTerms(node: Tensor, matrix: Tensor): boolean {
    const terms = this.termsOf(matrix);
    if (terms.some(({ rank }) => rank === 0)) return false;
    const free = this.freeExtent(node, matrix);
    return MARGIN * this.extraCost(node, matrix, terms) < free * matrix.size + INSTRUCTION;
  }

  /** Who reads what once products multiply by terms: some matrices are read by nobody any more. */
  private readAgain(): void {
    this.readers.clear();
    for (const node of [...this.graph.nodes].reverse()) {
      if (this.outputs.has(strip(node)) || this.readers.has(node)) this.readAs(node);
    }
  }

  private readAs(node: Tensor): void {
    const index = this.expanded.get(node);
    const terms = index === undefined ? [] : this.termsOf(node.inputs[index] as Tensor);
    const read = index === undefined ? node.inputs : [node.inputs[1 - index] as Tensor];
    const factors = terms.flatMap(({ base, scalars, rank }) => [...(rank === 0 ? [base] : base.inputs), ...scalars]);
    for (const input of new Set([...read, ...factors].map(strip))) {
      this.readers.set(input, [...(this.readers.get(input) ?? []), node]);
    }
  }

  /** Notes a sum that has products of low rank among its parts, if they are better one product. */
  private join(node: Tensor): void {
    const reader = this.isPart(node) ? this.readers.get(node)?.[0] : undefined;
    // Part of a longer sum, which takes it along.
    if (node.operator.name !== "add" || node.rank !== 2 || reader?.operator.name === "add") return;
    const parts = this.partsOf(node);
    const products = parts.filter((part) => this.isJoinable(part));
    if (products.length < 2) return;
    const depth = products.reduce((total, product) => total + depthOf(product), 0);
    const [rows, columns] = node.shape as [number, number];
    const copies = depth * (rows + columns) * COPY + products.length * INSTRUCTION;
    if (copies >= (products.length - 1) * node.size * ELEMENTWISE) return;
    this.joined.set(node, { products, others: parts.filter((part) => !products.includes(part)) });
  }

  /** Whether one other node reads it, and nobody else. */
  private isPart(node: Tensor): boolean {
    return this.readers.get(node)?.length === 1 && !this.outputs.has(node);
  }

  private isJoinable(node: Tensor): boolean {
    const { transposeA, transposeB } = node.attributes;
    return (
      isProduct(node) && this.isPart(node) && transposeA === true && transposeB === false && !this.expanded.has(node)
    );
  }

  /** What a sum of sums adds up, from left to right. */
  private partsOf(sum: Tensor): Tensor[] {
    return sum.inputs.map(strip).flatMap((part) => {
      return part.operator.name === "add" && this.isPart(part) ? this.partsOf(part) : [part];
    });
  }

  private termsOf(node: Tensor): readonly Term[] {
    const value = strip(node);
    let terms = this.terms.get(value);
    if (terms === undefined) {
      terms = this.findTerms(value);
      this.terms.set(value, terms);
    }
    return terms;
  }

  private findTerms(node: Tensor): readonly Term[] {
    const opaque: Term[] = [{ base: node, scalars: [], negative: false, rank: 0 }];
    if (isProduct(node)) return isLow(node) ? [{ ...(opaque[0] as Term), rank: depthOf(node) }] : opaque;
    if (!isLinear(node)) return opaque;
    const [a, b] = node.inputs as [Tensor, Tensor];
    let terms: Term[];
    if (node.operator.name === "multiply") {
      const scalar = scalarOf(a) ?? scalarOf(b);
      const other = scalarOf(a) === undefined ? a : b;
      terms = this.termsOf(other).map((term) => ({ ...term, scalars: [...term.scalars, scalar as Tensor] }));
    } else if (node.operator.name === "negate") terms = this.termsOf(a).map(negated);
    else {
      const second = this.termsOf(b);
      terms = [...this.termsOf(a), ...(node.operator.name === "add" ? second : second.map(negated))];
    }
    return terms.length > MAXIMUM_TERMS || terms.every(({ rank }) => rank === 0) ? opaque : terms;
  }

  /** The graph traced anew, with what was noted. */
  private rebuilt(): Graph {
    return withTrace((trace) => {
      const made = new Map<Tensor, Tensor>();
      const now = (node: Tensor): Tensor => made.get(node) as Tensor;
      for (const node of this.graph.nodes) {
        const sum = this.joined.get(node);
        const index = this.expanded.get(node);
        if (sum !== undefined) made.set(node, sum.others.map(now).reduce(add, joinedProduct(sum.products, now)));
        else if (index !== undefined) made.set(node, this.byTerms(node, index, now));
        else made.set(node, trace.intern(node.operator, node.inputs.map(now), node.attributes, node.shape));
      }
      const map = (tensors: Tensors): Tensors =>
        Object.fromEntries(Object.entries(tensors).map(([name, node]) => [name, now(node)]));
      const [inputs, outputs] = [map(this.graph.inputs), map(this.graph.outputs)];
      return { inputs, outputs, nodes: liveNodes(Object.values(inputs), Object.values(outputs)) };
    });
  }

  /** The product, as a sum over the terms of operand `index`. */
  private byTerms(node: Tensor, index: 0 | 1, now: (node: Tensor) => Tensor): Tensor {
    const terms = this.termsOf(node.inputs[index] as Tensor);
    const other = now(node.inputs[1 - index] as Tensor);
    const flags = [node.attributes.transposeA as boolean, node.attributes.transposeB as boolean] as const;
    const values = terms.map(({ base, scalars, negative, rank }) => {
      const value = rank === 0 ? ordered(other, now(base), index, flags) : chained(other, base, index, flags, now);
      const scaled = scalars.reduce((product, scalar) => multiply(product, now(scalar)), value);
      return negative ? negate(scaled) : scaled;
    });
    return values.reduce((total, value) => add(total, value));
  }
}

/** other * matrix, or matrix * other where the matrix is the left operand; `flags` are the transposes of left and right. */
function ordered(other: Tensor, matrix: Tensor, index: 0 | 1, [left, right]: readonly [boolean, boolean]): Tensor {
  const [a, b] = index === 1 ? [other, matrix] : [matrix, other];
  return matmul(a, b, { transposeA: left, transposeB: right });
}

/** The same with a matrix that is the product `low`: its factors one after the other, the one next to `other` first. */
function chained(
  other: Tensor,
  low: Tensor,
  index: 0 | 1,
  [left, right]: readonly [boolean, boolean],
  now: (node: Tensor) => Tensor,
): Tensor {
  const factors = low.inputs.map(now) as [Tensor, Tensor];
  const turned = [low.attributes.transposeA as boolean, low.attributes.transposeB as boolean] as const;
  // (PQ)' = Q'P'
  const isTurned = index === 1 ? right : left;
  const [p, q] = isTurned ? [factors[1], factors[0]] : factors;
  const [turnP, turnQ] = isTurned ? [!turned[1], !turned[0]] : turned;
  if (index === 1) {
    return matmul(matmul(other, p, { transposeA: left, transposeB: turnP }), q, { transposeB: turnQ });
  }
  return matmul(p, matmul(q, other, { transposeA: turnQ, transposeB: right }), { transposeA: turnP });
}

/** Products of transposed left factors as one. */
function joinedProduct(parts: readonly Tensor[], now: (node: Tensor) => Tensor): Tensor {
  const [left, right] = [0, 1].map((side) =>
    concat(
      parts.map((part) => now(part.inputs[side] as Tensor)),
      0,
    ),
  );
  return matmul(left as Tensor, right as Tensor, { transposeA: true });
}

function negated(term: Term): Term {
  return { ...term, negative: !term.negative };
}

/** Whether the node is a linear combination of its operands. */
function isLinear(node: Tensor): boolean {
  const { name } = node.operator;
  if (name === "add" || name === "subtract" || name === "negate") return true;
  return name === "multiply" && node.inputs.some((input) => scalarOf(input) !== undefined);
}

/** The one value that an operand holds everywhere, if it is such. */
function scalarOf(operand: Tensor): Tensor | undefined {
  if (operand.operator.name !== "broadcast") return undefined;
  const source = operand.inputs[0] as Tensor;
  return source.size === 1 && source.rank === 0 ? source : undefined;
}
