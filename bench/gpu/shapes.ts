/**
 * Models of a given shape without a file: llama metadata, and weights that are made when they are read. For speed
 * alone: what they compute is noise.
 */
import type { GgufFile, MetadataValue, TensorInfo, TensorType } from '../../src/main/formats/index.ts';

export interface ModelShape {
  readonly name: string;
  readonly type: 'Q4_0' | 'Q4_1';
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly embedding: number;
  readonly feedForward: number;
  readonly vocabulary: number;
}

export const shapes = {
  tiny: {
    ...{ name: 'tiny shape', type: 'Q4_1', layers: 2, heads: 6, kvHeads: 2, headDim: 32 },
    ...{ embedding: 64, feedForward: 96, vocabulary: 512 },
  },
  small: {
    ...{ name: 'SmolLM2-135M shape', type: 'Q4_1', layers: 30, heads: 9, kvHeads: 3, headDim: 64 },
    ...{ embedding: 576, feedForward: 1536, vocabulary: 49_152 },
  },
  large: {
    ...{ name: '7B shape', type: 'Q4_0', layers: 28, heads: 28, kvHeads: 4, headDim: 128 },
    ...{ embedding: 3584, feedForward: 18_944, vocabulary: 152_064 },
  },
} as const satisfies Record<string, ModelShape>;

/** Of a block of 32 weights. */
const blockBytes = { Q4_0: 18, Q4_1: 20 } as const;
const trainedLength = 8192;

export function generatedModel(shape: ModelShape): GgufFile {
  const tensors = new Map<string, TensorInfo>();
  const add = (name: string, type: TensorType, ...lengths: readonly number[]): void => {
    const count = lengths.reduce((product, length) => product * length, 1);
    const bytes = type === 'F32' ? 4 * count : (count / 32) * blockBytes[shape.type];
    tensors.set(name, { name, type, typeName: type, shape: lengths, offset: 0, bytes });
  };
  const { embedding, feedForward, heads, kvHeads, headDim, vocabulary, type } = shape;
  add('token_embd.weight', type, embedding, vocabulary);
  add('output_norm.weight', 'F32', embedding);
  for (let layer = 0; layer < shape.layers; layer++) {
    const of = (name: string): string => `blk.${String(layer)}.${name}.weight`;
    add(of('attn_norm'), 'F32', embedding);
    add(of('attn_q'), type, embedding, heads * headDim);
    add(of('attn_k'), type, embedding, kvHeads * headDim);
    add(of('attn_v'), type, embedding, kvHeads * headDim);
    add(of('attn_output'), type, heads * headDim, embedding);
    add(of('ffn_norm'), 'F32', embedding);
    add(of('ffn_gate'), type, embedding, feedForward);
    add(of('ffn_up'), type, embedding, feedForward);
    add(of('ffn_down'), type, feedForward, embedding);
  }
  return {
    ...{ path: shape.name, version: 3, bytes: 0, metadata: metadataOf(shape), tensors },
    readTensor: (name) => {
      const info = tensors.get(name);
      if (info === undefined) throw new Error(`no tensor ${name}`);
      return Promise.resolve(info.type === 'F32' ? ones(info.bytes) : blocks(info.bytes, shape.type));
    },
    close: () => Promise.resolve(),
  };
}

function metadataOf(shape: ModelShape): ReadonlyMap<string, MetadataValue> {
  return new Map<string, MetadataValue>([
    ['general.architecture', 'llama'],
    ['general.name', shape.name],
    ['llama.block_count', shape.layers],
    ['llama.context_length', trainedLength],
    ['llama.embedding_length', shape.embedding],
    ['llama.feed_forward_length', shape.feedForward],
    ['llama.attention.head_count', shape.heads],
    ['llama.attention.head_count_kv', shape.kvHeads],
    ['llama.attention.key_length', shape.headDim],
    ['llama.attention.value_length', shape.headDim],
    ['llama.attention.layer_norm_rms_epsilon', 1e-5],
    ['llama.rope.dimension_count', shape.headDim],
    ['llama.rope.freq_base', 100_000],
    ['llama.vocab_size', shape.vocabulary],
  ]);
}

function ones(bytes: number): Uint8Array {
  return new Uint8Array(new Float32Array(bytes / 4).fill(1).buffer);
}

/** Random quants, and scales that keep the residual stream finite: a stretch of blocks, repeated. */
function blocks(bytes: number, type: keyof typeof blockBytes): Uint8Array {
  const size = blockBytes[type];
  const pattern = new Uint8Array(Math.min(bytes, size * 4096));
  let state = 1;
  for (let at = 0; at < pattern.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    pattern[at] = state >>> 24;
  }
  // halves: d = 2^-9; Q4_1 has m = -7.5 d besides
  const scales = type === 'Q4_0' ? [0x00, 0x18] : [0x00, 0x18, 0x80, 0xa3];
  for (let at = 0; at < pattern.length; at += size) pattern.set(scales, at);
  const all = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += pattern.length) {
    all.set(pattern.subarray(0, Math.min(pattern.length, bytes - at)), at);
  }
  return all;
}
