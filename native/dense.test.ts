/**
 * The dense kernels against the reference's operations, and against one another: every instruction set, number of rows
 * and number of threads must give the same bits.
 */
import { describe, expect, it } from 'vitest';
import { packedTypes } from '../src/main/engine/cpu/native-contract.ts';
import type { NativeDense, NativeDenseLayer, PackedType } from '../src/main/engine/cpu/native-contract.ts';
import { matmul } from '../src/main/engine/reference/matmul.ts';
import { rmsNorm } from '../src/main/engine/reference/rms-norm.ts';
import { swiglu } from '../src/main/engine/reference/swiglu.ts';
import { bounds, nmse } from '../src/main/engine/testing/nmse.ts';
import { RandomDense } from './testing/dense-fixtures.ts';
import type { DenseShape, PlainMatrix } from './testing/dense-fixtures.ts';
import { loadNative } from './index.ts';

const native = loadNative();

/** More panels than any kernel takes at a time, and not whole ones: a KV head of 24 makes 24 outputs. */
const odd: DenseShape = {
  embedding: 288,
  heads: 4,
  kvHeads: 1,
  headDim: 24,
  feedForward: 416,
  vocabulary: 301,
};
/** For types of 256 weights a block. */
const wide: DenseShape = {
  embedding: 256,
  heads: 4,
  kvHeads: 2,
  headDim: 64,
  feedForward: 512,
  vocabulary: 130,
};
/** More blocks than are taken apart at a time. */
const long: DenseShape = {
  embedding: 1120,
  heads: 1,
  kvHeads: 1,
  headDim: 32,
  feedForward: 32,
  vocabulary: 33,
};

const floatTypes: readonly PackedType[] = ['F32', 'F16', 'BF16'];
const shapeOf = (type: PackedType): DenseShape =>
  type.endsWith('_K') ? wide : floatTypes.includes(type) ? { ...odd, embedding: 250, feedForward: 77 } : odd;

interface Outputs {
  readonly qkv: Float32Array;
  readonly joint: Float32Array;
  readonly residual: Float32Array;
  readonly logits: Float32Array;
}

/** Everything the dense part computes for `rows` rows, in calls of at most `chunk`. */
function compute(
  dense: NativeDense,
  random: RandomDense,
  input: { x: Float32Array; attention: Float32Array },
  chunk: number,
): Outputs {
  const { embedding, heads, kvHeads, headDim, vocabulary } = random.shape;
  const width = (heads + 2 * kvHeads) * headDim;
  const rows = input.x.length / embedding;
  const outputs = {
    qkv: new Float32Array(rows * width),
    joint: new Float32Array(rows * width),
    residual: input.x.slice(),
    logits: new Float32Array(rows * vocabulary),
  };
  for (let row = 0; row < rows; row += chunk) {
    const count = Math.min(chunk, rows - row);
    const attention = input.attention.subarray(row * heads * headDim);
    const residual = outputs.residual.subarray(row * embedding);
    dense.entry(count, residual, outputs.qkv.subarray(row * width));
    dense.joint(0, count, attention, residual, outputs.joint.subarray(row * width));
    dense.logits(count, attention, residual.slice(), outputs.logits.subarray(row * vocabulary));
  }
  return outputs;
}

function inputs(random: RandomDense, rows: number): { x: Float32Array; attention: Float32Array } {
  const { embedding, heads, headDim } = random.shape;
  return { x: random.rows(rows, embedding), attention: random.rows(rows, heads * headDim) };
}

function product(x: Float32Array, { columns, outputs, values }: PlainMatrix): Float32Array {
  const rows = x.length / columns;
  const out = new Float32Array(rows * outputs);
  matmul(x, rows, columns, values, outputs, out);
  return out;
}

/** The same from the reference's operations. */
function expected(random: RandomDense, input: { x: Float32Array; attention: Float32Array }): Outputs {
  const { plain, spec } = random;
  const [layer] = spec.layers as [NativeDenseLayer];
  const normed = (x: Float32Array, weight: Float32Array): Float32Array => {
    const out = new Float32Array(x.length);
    rmsNorm(x, weight, spec.epsilon, out);
    return out;
  };
  const plus = (a: Float32Array, b: Float32Array): Float32Array => a.map((value, i) => value + b[i]!);
  const qkvOf = (x: Float32Array): Float32Array => {
    const parts = plain.qkv.map((matrix) => product(normed(x, layer.attentionNorm), matrix));
    return sideBySide(parts, x.length / spec.embedding);
  };
  const after = (x: Float32Array): Float32Array => {
    const middle = plus(x, product(input.attention, plain.output));
    const gated = normed(middle, layer.feedForwardNorm);
    const gate = product(gated, plain.gate);
    swiglu(gate, product(gated, plain.up), gate);
    return plus(middle, product(gate, plain.down));
  };
  const residual = after(input.x);
  return {
    qkv: qkvOf(input.x),
    joint: qkvOf(residual),
    residual,
    logits: product(normed(after(residual), spec.outputNorm), plain.tokens),
  };
}

function sideBySide(parts: readonly Float32Array[], rows: number): Float32Array {
  const out: number[] = [];
  for (let row = 0; row < rows; row++)
    for (const part of parts) {
      const width = part.length / rows;
      out.push(...part.subarray(row * width, (row + 1) * width));
    }
  return Float32Array.from(out);
}

function differences(actual: Outputs, wanted: Outputs): string[] {
  return (['qkv', 'joint', 'residual', 'logits'] as const).filter(
    (name) => Buffer.compare(Buffer.from(actual[name].buffer), Buffer.from(wanted[name].buffer)) !== 0,
  );
}

describe.each(packedTypes)('%s', (type) => {
  const random = new RandomDense(native, shapeOf(type), type);
  const bound = floatTypes.includes(type) ? bounds.f32 : bounds.reduced;

  it('packs without loss: rows of the embedding are what the reference reads', () => {
    const dense = random.open('scalar');
    const { embedding, vocabulary } = random.shape;
    const ids = Int32Array.from({ length: vocabulary }, (_, i) => vocabulary - 1 - i);
    const x = new Float32Array(vocabulary * embedding);
    dense.embed(ids, x);
    const { values } = random.plain.tokens;
    ids.forEach((id, i) => {
      const row = x.subarray(i * embedding, (i + 1) * embedding);
      expect(row.map((v) => v + 0)).toEqual(
        values.subarray(id * embedding, (id + 1) * embedding).map((v) => v + 0),
      );
    });
  });

  it('agrees with the reference', () => {
    const input = inputs(random, 37);
    const wanted = expected(random, input);
    const actual = compute(random.open(native.denseAvailable[0]!), random, input, 37);
    expect(nmse(actual.qkv, wanted.qkv)).toBeLessThan(bound);
    expect(nmse(actual.residual, wanted.residual)).toBeLessThan(bound);
    expect(nmse(actual.joint, wanted.joint)).toBeLessThan(bound * 2);
    expect(nmse(actual.logits, wanted.logits)).toBeLessThan(bound * 2);
  });

  it('gives the same bits on every instruction set, for any rows at a time and any threads', () => {
    const input = inputs(random, 37);
    const wanted = compute(random.open('scalar'), random, input, 37);
    for (const level of native.denseAvailable) {
      const dense = random.open(level);
      for (const [chunk, threads] of [
        [37, 1],
        [37, 3],
        [16, 2],
        [6, 1],
        [4, 2],
        [1, 1],
        [1, 3],
      ] as const) {
        dense.setThreads(threads, threads);
        const named = `${level}, ${String(chunk)} rows, ${String(threads)} threads`;
        expect(differences(compute(dense, random, input, chunk), wanted), named).toEqual([]);
      }
    }
  });
});

it('sums over more blocks than are taken apart at a time', () => {
  const random = new RandomDense(native, long, 'Q4_1');
  const input = inputs(random, 21);
  const wanted = compute(random.open('scalar'), random, input, 1);
  for (const level of native.denseAvailable)
    expect(differences(compute(random.open(level), random, input, 21), wanted), level).toEqual([]);
  expect(nmse(wanted.qkv, expected(random, input).qkv)).toBeLessThan(bounds.reduced);
});

it('what other architectures have (biases, norms of heads, scales, GELU, soft caps) gives the same bits everywhere', () => {
  const vectors = new RandomDense(native, odd, 'Q8_0');
  const { embedding, headDim, heads, kvHeads } = odd;
  const random = new RandomDense(native, odd, 'Q8_0', {
    biases: vectors.vector((heads + 2 * kvHeads) * headDim),
    queryNorm: vectors.vector(headDim),
    keyNorm: vectors.vector(headDim),
    queryScales: vectors.vector(headDim),
    postAttentionNorm: vectors.vector(embedding),
    postFeedForwardNorm: vectors.vector(embedding),
    activation: 'gelu',
    embeddingScale: 17,
    logitSoftCap: 2,
  });
  const input = inputs(random, 19);
  const wanted = compute(random.open('scalar'), random, input, 19);
  expect(wanted.logits.every((logit) => Math.abs(logit) <= 2)).toBe(true);
  for (const level of native.denseAvailable) {
    const dense = random.open(level);
    dense.setThreads(2, 2);
    for (const chunk of [19, 1])
      expect(differences(compute(dense, random, input, chunk), wanted), level).toEqual([]);
  }
});

it('a row with a number that is none spoils itself only, on every instruction set alike', () => {
  const random = new RandomDense(native, odd, 'Q4_0');
  const input = inputs(random, 20);
  const clean = compute(random.open('scalar'), random, input, 20);
  input.x[3 * odd.embedding + 5] = NaN;
  input.attention[7 * odd.heads * odd.headDim] = Infinity;
  input.x.fill(0, 9 * odd.embedding, 10 * odd.embedding);
  input.x.fill(1e-38, 10 * odd.embedding, 11 * odd.embedding);
  const width = odd.vocabulary;
  for (const level of native.denseAvailable) {
    const { logits } = compute(random.open(level), random, input, 20);
    for (let row = 0; row < 20; row++) {
      const own = logits.subarray(row * width, (row + 1) * width);
      const spoilt = row === 3 || row === 7;
      expect(own.every(Number.isNaN), `${level}, row ${String(row)}`).toBe(spoilt);
      if (!spoilt && row !== 9 && row !== 10)
        expect(own).toEqual(clean.logits.subarray(row * width, (row + 1) * width));
    }
  }
});

describe('misuse is refused by name', () => {
  const random = new RandomDense(native, odd, 'Q4_1');
  const dense = random.open('scalar');
  const floats = (length: number): Float32Array => new Float32Array(length);

  it.each<[string, () => unknown, RegExp]>([
    ['a type that is none', () => native.packedBytes('Q3_K' as 'Q4_K', 1, 256), /cannot be packed/],
    ['columns that are no whole blocks', () => native.packedBytes('Q4_1', 1, 48), /whole blocks/],
    [
      'a source that is too short',
      () => native.pack('Q4_1', new Uint8Array(19), 1, 32, new Uint8Array(320)),
      /source is too short/,
    ],
    [
      'a target that is too short',
      () => native.pack('Q4_1', new Uint8Array(20), 1, 32, new Uint8Array(319)),
      /target is too short/,
    ],
    [
      'weights that end before a matrix',
      () => new native.NativeDense(new native.NativeWeights(64), random.spec),
      /leaves the weights/,
    ],
    ['no weights', () => new native.NativeDense({} as never, random.spec), /NativeWeights/],
    [
      'a norm of another length',
      () =>
        new native.NativeDense(new native.NativeWeights(1 << 22), { ...random.spec, outputNorm: floats(3) }),
      /outputNorm/,
    ],
    ['a file that is not there', () => new native.NativeWeights('/nowhere/at/all', 0, 64), /nowhere/],
    ['an id beyond the vocabulary', () => dense.embed(Int32Array.of(301), floats(288)), /vocabulary/],
    ['rows that are too short', () => dense.entry(2, floats(288), floats(2000)), /x is too short/],
    ['a layer that is the last', () => dense.joint(1, 1, floats(96), floats(288), floats(144)), /layer/],
    ['no threads', () => dense.setThreads(0, 1), /threads/],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });

  it('weights that are no numbers: pack says so', () => {
    const block = new Uint8Array(20);
    new DataView(block.buffer).setUint16(2, 0x7e00, true);
    expect(native.pack('Q4_1', block, 1, 32, new Uint8Array(320 * 16))).toBe(false);
    const infinite = new Uint8Array(new Float32Array([1, Infinity]).buffer);
    expect(native.pack('F32', infinite, 1, 2, new Uint8Array(128))).toBe(false);
  });

  it('a model that has been released', () => {
    const other = random.open('scalar');
    other.release();
    expect(() => other.embed(Int32Array.of(1), floats(288))).toThrow(/released/);
  });
});
