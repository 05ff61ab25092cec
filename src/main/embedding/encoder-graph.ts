/**
 * BERT's encoder as an ONNX graph: onnxruntime's fused operators (attention, residual with layer norm, bias with GELU)
 * and two matrix products between them. One text a run, so there is nothing to pad or mask.
 */
import type { Initializer, OnnxNode } from '../engine/index.ts';
import { encodeModel, floatBytes } from '../engine/index.ts';
import type { Tensors } from './safetensors.ts';

/** of all-MiniLM-L6-v2 */
export const SHAPE = {
  layers: 6,
  heads: 12,
  width: 384,
  inner: 1536,
  positions: 512,
  tokens: 30_522,
} as const;
export const EPSILON = 1e-12;

interface Parts {
  readonly nodes: OnnxNode[];
  readonly initializers: Initializer[];
}

/** `x` [1][tokens][width] → `y` of the same shape. */
export function encoderGraph(tensors: Tensors): Uint8Array {
  const parts: Parts = { nodes: [], initializers: [] };
  let x = 'x';
  for (let layer = 0; layer < SHAPE.layers; layer++) {
    x = addLayer(parts, tensors, { layer, x, y: layer === SHAPE.layers - 1 ? 'y' : `x${String(layer + 1)}` });
  }
  const dims = [1, 'tokens', SHAPE.width];
  return encodeModel({
    name: 'sentence-encoder',
    inputs: [{ name: 'x', dims }],
    outputs: [{ name: 'y', dims }],
    ...parts,
  });
}

function addLayer(
  { nodes, initializers }: Parts,
  tensors: Tensors,
  { layer, x, y }: { layer: number; x: string; y: string },
): string {
  const { width, inner, heads } = SHAPE;
  const at = `encoder.layer.${String(layer)}.`;
  const local = (name: string): string => `${String(layer)}.${name}`;
  const constant = (name: string, dims: readonly number[], values: Float32Array): string => {
    initializers.push({ name: local(name), type: 'float32', dims, bytes: floatBytes(values) });
    return local(name);
  };
  const vector = (name: string, length: number): string =>
    constant(name, [length], tensors(at + name, [length]));
  /** the file holds [out][in]; the products take [in][out] */
  const product = (input: string, name: string, rows: number, columns: number): string => {
    const weight = constant(
      name,
      [rows, columns],
      transposed(tensors(at + name, [columns, rows]), columns, rows),
    );
    nodes.push(node('MatMul', [input, weight], local(`${name}.product`)));
    return local(`${name}.product`);
  };
  const normed = (input: string, residual: string, name: string, output: string): string => {
    const gamma = vector(`${name}.LayerNorm.weight`, width);
    const beta = vector(`${name}.LayerNorm.bias`, width);
    const bias = vector(`${name}.dense.bias`, width);
    const inputs = [input, residual, gamma, beta, bias];
    nodes.push(
      contrib('SkipLayerNormalization', inputs, output, { epsilon: { kind: 'float', value: EPSILON } }),
    );
    return output;
  };
  const qkv = (kind: 'weight' | 'bias'): Float32Array[] =>
    ['query', 'key', 'value'].map((name) =>
      tensors(`${at}attention.self.${name}.${kind}`, kind === 'weight' ? [width, width] : [width]),
    );
  const weight = constant(
    'qkv',
    [width, 3 * width],
    sideBySide(qkv('weight').map((one) => transposed(one, width, width))),
  );
  const bias = constant('qkv.bias', [3 * width], joined(qkv('bias')));
  nodes.push(
    contrib('Attention', [x, weight, bias], local('attended'), { num_heads: { kind: 'int', value: heads } }),
  );
  const attended = product(local('attended'), 'attention.output.dense.weight', width, width);
  const middle = normed(attended, x, 'attention.output', local('middle'));
  const wide = product(middle, 'intermediate.dense.weight', width, inner);
  nodes.push(contrib('BiasGelu', [wide, vector('intermediate.dense.bias', inner)], local('gelu'), {}));
  return normed(product(local('gelu'), 'output.dense.weight', inner, width), middle, 'output', y);
}

function node(type: string, inputs: readonly string[], output: string): OnnxNode {
  return { type, domain: '', inputs, outputs: [output], attributes: {} };
}

function contrib(
  type: string,
  inputs: readonly string[],
  output: string,
  attributes: OnnxNode['attributes'],
): OnnxNode {
  return { type, domain: 'com.microsoft', inputs, outputs: [output], attributes };
}

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = values[row * columns + column] as number;
  return result;
}

/** square matrices of `width` as one of [width][n * width] */
function sideBySide(all: readonly Float32Array[]): Float32Array {
  const { width } = SHAPE;
  const result = new Float32Array(all.length * width * width);
  all.forEach((one, i) => {
    for (let row = 0; row < width; row++)
      result.set(one.subarray(row * width, (row + 1) * width), (row * all.length + i) * width);
  });
  return result;
}

function joined(all: readonly Float32Array[]): Float32Array {
  const result = new Float32Array(all.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of all) {
    result.set(one, at);
    at += one.length;
  }
  return result;
}
