/** A random dense part for tests: its tensors as a GGUF would hold them, packed, and as f32. */
import { dequantise } from '../../src/main/formats/index.ts';
import { quantise } from '../../src/main/formats/testing/index.ts';
import type {
  DenseLevel,
  NativeAddon,
  NativeDense,
  NativeDenseLayer,
  NativeDenseSpec,
  PackedMatrix,
  PackedType,
} from '../../src/main/engine/cpu/native-contract.ts';
import { noise } from '../attention-fixtures.ts';

export interface DenseShape {
  readonly embedding: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly feedForward: number;
  readonly vocabulary: number;
}

/** f32 [outputs][columns] */
export interface PlainMatrix {
  readonly columns: number;
  readonly outputs: number;
  readonly values: Float32Array;
}

export class RandomDense {
  readonly shape: DenseShape;
  readonly spec: NativeDenseSpec;
  readonly plain: {
    readonly tokens: PlainMatrix;
    readonly qkv: readonly PlainMatrix[];
    readonly output: PlainMatrix;
    readonly gate: PlainMatrix;
    readonly up: PlainMatrix;
    readonly down: PlainMatrix;
  };
  readonly #native: NativeAddon;
  readonly #parts: { offset: number; bytes: Uint8Array }[] = [];
  #bytes = 0;
  #seed = 1;

  constructor(
    native: NativeAddon,
    shape: DenseShape,
    type: PackedType,
    changes: Partial<NativeDenseSpec & NativeDenseLayer> = {},
  ) {
    this.#native = native;
    this.shape = shape;
    const { embedding, heads, kvHeads, headDim, feedForward, vocabulary } = shape;
    const query = heads * headDim;
    const keyValue = kvHeads * headDim;
    const tokens = this.#matrix(type, embedding, [vocabulary]);
    // v of another type than q and k, as Q4_K_M files have it
    const qkv = this.#matrix(type, embedding, [query, keyValue]);
    const v = this.#matrix(type === 'F32' ? 'F16' : type, embedding, [keyValue]);
    const output = this.#matrix(type, query, [embedding]);
    const gate = this.#matrix(type, embedding, [feedForward]);
    const up = this.#matrix(type, embedding, [feedForward]);
    const down = this.#matrix(type, feedForward, [embedding]);
    const layer: NativeDenseLayer = {
      attentionNorm: this.vector(embedding),
      qkv: { columns: embedding, segments: [...qkv.packed.segments, ...v.packed.segments] },
      biases: null,
      queryNorm: null,
      keyNorm: null,
      queryScales: null,
      output: output.packed,
      postAttentionNorm: null,
      feedForwardNorm: this.vector(embedding),
      gate: gate.packed,
      up: up.packed,
      down: down.packed,
      postFeedForwardNorm: null,
    };
    this.spec = {
      ...shape,
      epsilon: 1e-5,
      embeddingScale: 1,
      logitSoftCap: null,
      activation: 'silu',
      tokens: tokens.packed,
      outputNorm: this.vector(embedding),
      head: tokens.packed,
      ...changes,
      layers: [
        { ...layer, ...changes },
        { ...layer, ...changes },
      ],
    };
    this.plain = {
      tokens: tokens.plain,
      qkv: [qkv.plain, v.plain],
      output: output.plain,
      gate: gate.plain,
      up: up.plain,
      down: down.plain,
    };
  }

  open(simd: DenseLevel): NativeDense {
    const weights = new this.#native.NativeWeights(this.#bytes);
    for (const { offset, bytes } of this.#parts) weights.write(offset, bytes);
    return new this.#native.NativeDense(weights, { ...this.spec, simd });
  }

  vector(length: number): Float32Array {
    const next = noise(this.#seed++);
    return Float32Array.from({ length }, () => 1 + next() / 2);
  }

  /** Rows of activations, with outliers as models have them. */
  rows(count: number, columns: number): Float32Array {
    const next = noise(this.#seed++);
    return Float32Array.from({ length: count * columns }, (_, i) => next() * (i % 97 === 0 ? 20 : 1));
  }

  #matrix(
    type: PackedType,
    columns: number,
    rows: readonly number[],
  ): { packed: PackedMatrix; plain: PlainMatrix } {
    const outputs = rows.reduce((sum, count) => sum + count, 0);
    const next = noise(this.#seed++);
    const values = Float32Array.from({ length: outputs * columns }, () => next() / Math.sqrt(columns));
    const source = quantise(type, values);
    const rowBytes = source.length / outputs;
    let row = 0;
    const segments = rows.map((count) => {
      const offset = this.#bytes;
      const bytes = new Uint8Array(this.#native.packedBytes(type, count, columns));
      const part = source.subarray(row * rowBytes, (row + count) * rowBytes);
      if (!this.#native.pack(type, part, count, columns, bytes))
        throw new Error('finite weights were refused');
      this.#parts.push({ offset, bytes });
      this.#bytes += bytes.length;
      row += count;
      return { type, rows: count, offset };
    });
    return {
      packed: { columns, segments },
      plain: { columns, outputs, values: dequantise(type, source, values.length) },
    };
  }
}
