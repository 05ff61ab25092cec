/**
 * Builds one ONNX graph node by node. A value is named by the node that makes it; the methods are the operators of
 * a llama block, each with the formula it computes. Every operator here gives a row the same bits whatever the
 * number of rows (`graph-builder.test.ts` holds them to it).
 */
import { encodeModel, floatBytes } from './onnx-model.ts';
import type { Attribute, ElementType, Initializer, Node, ValueInfo } from './onnx-model.ts';
import { BLOCK } from './quantised-matmul.ts';
import type { QuantisedMatrix } from './quantised-matmul.ts';

/** A float matrix, f32 [rows][columns]; the output of a product has `rows` elements. */
export interface FloatMatrix {
  readonly bits: 32;
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

export type WeightMatrix = QuantisedMatrix | FloatMatrix;

const int = (value: number): Attribute => ({ kind: 'int', value });
const float = (value: number): Attribute => ({ kind: 'float', value });

/** int8 activations per block of 32 with block scales: the arithmetic of every quantised product (design section 3) */
const INT8_ACTIVATIONS = 4;

/** The dimension of all rows' matrices that is left open. */
const ROWS = 'rows';

export class GraphBuilder {
  readonly #name: string;
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: ValueInfo[] = [];
  readonly #nodes: Node[] = [];
  readonly #initializers = new Map<string, Initializer>();
  /** sums of each block of 32, by the value they are sums of: q, k and v share them */
  readonly #blockSums = new Map<string, string>();
  #names = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** f32 [rows][columns] */
  input(name: string, columns: number): string {
    this.#inputs.push({ name, dims: [ROWS, columns] });
    return name;
  }

  /** Makes `value`, f32 [rows][columns], an output called `name`. */
  output(name: string, value: string, columns: number): void {
    this.#node('Identity', '', [value], [name]);
    this.#outputs.push({ name, dims: [ROWS, columns] });
  }

  /** y = x W^T */
  linear(x: string, weight: WeightMatrix): string {
    const name = this.#fresh('weight');
    if (weight.bits === 32) {
      this.#constant(name, 'float32', [weight.rows, weight.columns], floatBytes(weight.values));
      return this.#one('Gemm', '', [x, name], { transB: int(1) });
    }
    const product = this.#quantisedProduct(x, weight, name);
    if (weight.minimums === null) return product;
    const minimums = `${name}.minimums`;
    const blocks = weight.columns / BLOCK;
    this.#constant(minimums, 'float32', [weight.rows, blocks], floatBytes(weight.minimums));
    return this.#one('Gemm', '', [this.#sumsOfBlocks(x, blocks), minimums, product], { transB: int(1) });
  }

  /** Several products of one x, side by side: [x W1^T | x W2^T | …] */
  linears(x: string, weights: readonly WeightMatrix[]): string {
    const parts = weights.map((weight) => this.linear(x, weight));
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) return only;
    return this.#one('Concat', '', parts, { axis: int(1) });
  }

  /** RMSNorm (Zhang & Sennrich 2019): x / sqrt(mean(x^2) + epsilon) * gain */
  rmsNorm(x: string, gain: Float32Array, epsilon: number): string {
    const name = this.#gain(gain);
    return this.#one('SimplifiedLayerNormalization', '', [x, name], { epsilon: float(epsilon) });
  }

  /** s = x + residual and RMSNorm(s), in one pass over the row */
  addThenRmsNorm(
    x: string,
    residual: string,
    gain: Float32Array,
    epsilon: number,
  ): { sum: string; normed: string } {
    const normed = this.#fresh('normed');
    const sum = this.#fresh('sum');
    const inputs = [x, residual, this.#gain(gain)];
    this.#node('SkipSimplifiedLayerNormalization', 'com.microsoft', inputs, [normed, '', '', sum], {
      epsilon: float(epsilon),
    });
    return { sum, normed };
  }

  /** SwiGLU (Shazeer 2020): SiLU(gate) * up; QuickGelu is x * sigmoid(alpha x), with alpha 1 SiLU */
  swiGlu(gate: string, up: string): string {
    const activated = this.#one('QuickGelu', 'com.microsoft', [gate], { alpha: float(1) });
    return this.#one('Mul', '', [activated, up]);
  }

  /** The model's bytes for `Session.create`. */
  encode(): Uint8Array {
    return encodeModel({
      name: this.#name,
      inputs: this.#inputs,
      outputs: this.#outputs,
      nodes: this.#nodes,
      initializers: [...this.#initializers.values()],
    });
  }

  #quantisedProduct(x: string, weight: QuantisedMatrix, name: string): string {
    const blocks = weight.columns / BLOCK;
    const blockBytes = (BLOCK * weight.bits) / 8;
    this.#constant(name, 'uint8', [weight.rows, blocks, blockBytes], weight.quants);
    this.#constant(`${name}.scales`, 'float32', [weight.rows * blocks], floatBytes(weight.scales));
    const inputs = [x, name, `${name}.scales`];
    if (weight.zeroPoints !== null) {
      inputs.push(`${name}.zeroPoints`);
      this.#constant(`${name}.zeroPoints`, 'uint8', [weight.zeroPoints.length], weight.zeroPoints);
    }
    return this.#one('MatMulNBits', 'com.microsoft', inputs, {
      K: int(weight.columns),
      N: int(weight.rows),
      bits: int(weight.bits),
      block_size: int(BLOCK),
      accuracy_level: int(INT8_ACTIVATIONS),
    });
  }

  /** f32 [rows][blocks]: the sum of each block of 32 elements of x */
  #sumsOfBlocks(x: string, blocks: number): string {
    const known = this.#blockSums.get(x);
    if (known !== undefined) return known;
    const shape = this.#integers(`blocks.${String(blocks)}`, [0, blocks, BLOCK]);
    const lastAxis = this.#integers('lastAxis', [-1]);
    const inBlocks = this.#one('Reshape', '', [x, shape]);
    const sums = this.#one('ReduceSum', '', [inBlocks, lastAxis], { keepdims: int(0) });
    this.#blockSums.set(x, sums);
    return sums;
  }

  #gain(gain: Float32Array): string {
    const name = this.#fresh('gain');
    this.#constant(name, 'float32', [gain.length], floatBytes(gain));
    return name;
  }

  #integers(name: string, values: readonly number[]): string {
    const bytes = new Uint8Array(new BigInt64Array(values.map(BigInt)).buffer);
    this.#constant(name, 'int64', [values.length], bytes);
    return name;
  }

  #constant(name: string, type: ElementType, dims: readonly number[], bytes: Uint8Array): void {
    this.#initializers.set(name, { name, type, dims, bytes });
  }

  #one(
    type: string,
    domain: Node['domain'],
    inputs: readonly string[],
    attributes: Node['attributes'] = {},
  ): string {
    const output = this.#fresh(type);
    this.#node(type, domain, inputs, [output], attributes);
    return output;
  }

  #node(
    type: string,
    domain: Node['domain'],
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Node['attributes'] = {},
  ): void {
    this.#nodes.push({ type, domain, inputs, outputs, attributes });
  }

  #fresh(stem: string): string {
    return `${stem}.${String(this.#names++)}`;
  }
}
