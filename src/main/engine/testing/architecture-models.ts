/**
 * Tiny random models that together hold every architecture, every tensor type and every special of RoPE: what
 * llama.cpp's logits are compared on. Not the whole product: each type meets each kernel once.
 */
import type { TinyModel } from '../../formats/testing/index.ts';

/** Rows of 256, as the k-quants need them. */
const wide = { embedding: 256, heads: 8, kvHeads: 4, headDim: 32, feedForward: 256 } as const;
const pairs = (of: (pair: number) => number): Float32Array =>
  Float32Array.from({ length: 16 }, (_, i) => of(i));

export const architectureModels: Readonly<Record<string, Partial<TinyModel>>> = {
  'llama F32': { architecture: 'llama' },
  'llama Q4_0, tied': { architecture: 'llama', type: 'Q4_0', tied: true },
  'llama Q4_1': { architecture: 'llama', type: 'Q4_1' },
  'llama Q5_1, biases': { architecture: 'llama', type: 'Q5_1', biases: true },
  'llama Q6_K': { ...wide, architecture: 'llama', type: 'Q6_K' },
  'llama, factors of llama 3': {
    architecture: 'llama',
    vectors: { 'rope_freqs.weight': pairs((i) => (i < 6 ? 1 : i < 10 ? i - 4 : 8)) },
  },
  'llama, linear scaling': {
    architecture: 'llama',
    metadata: { 'rope.scaling.type': 'linear', 'rope.scaling.factor': { f32: 4 } },
  },
  'llama, YaRN': {
    architecture: 'llama',
    metadata: {
      'rope.scaling.type': 'yarn',
      'rope.scaling.factor': { f32: 4 },
      'rope.scaling.original_context_length': 64,
    },
  },
  'qwen2 F32': { architecture: 'qwen2', heads: 2, kvHeads: 1 },
  'qwen2 Q5_0': { architecture: 'qwen2', heads: 2, kvHeads: 2, type: 'Q5_0' },
  'qwen2 Q4_K_M': {
    ...wide,
    architecture: 'qwen2',
    type: 'Q4_K',
    types: { attn_v: 'Q6_K', ffn_down: 'Q6_K' },
  },
  'qwen3 F32': { architecture: 'qwen3', headDim: 48 },
  'qwen3 BF16': { architecture: 'qwen3', type: 'BF16' },
  'qwen3 Q5_K': { ...wide, architecture: 'qwen3', type: 'Q5_K' },
  'gemma2 F32': {
    architecture: 'gemma2',
    tied: true,
    layers: 4,
    metadata: {
      'attention.sliding_window': 24,
      attn_logit_softcapping: { f32: 2 },
      final_logit_softcapping: { f32: 3 },
    },
  },
  'gemma3 F32': {
    architecture: 'gemma3',
    tied: true,
    layers: 7,
    metadata: {
      'attention.sliding_window': 24,
      'rope.freq_base': { f32: 1_000_000 },
      'rope.scaling.type': 'linear',
      'rope.scaling.factor': { f32: 8 },
    },
  },
  'gemma3 Q8_0, one kind, capped': {
    architecture: 'gemma3',
    type: 'Q8_0',
    tied: true,
    metadata: { final_logit_softcapping: { f32: 3 } },
  },
  'gemma3 Q4_K_M': {
    ...wide,
    architecture: 'gemma3',
    type: 'Q5_0',
    types: { token_embd: 'Q8_0', attn_v: 'Q8_0', attn_output: 'Q4_K', ffn_down: 'Q6_K' },
    tied: true,
    layers: 6,
    metadata: { 'attention.sliding_window': 24 },
  },
  'phi3 F32': { architecture: 'phi3', heads: 2, kvHeads: 2 },
  'phi3 Q8_0': { architecture: 'phi3', heads: 2, kvHeads: 1, type: 'Q8_0' },
  'phi3, long factors, part of a head rotated': {
    architecture: 'phi3',
    heads: 2,
    kvHeads: 2,
    headDim: 32,
    metadata: {
      'rope.dimension_count': 24,
      'rope.scaling.type': 'longrope',
      'rope.scaling.attn_factor': { f32: 1.19 },
      'rope.scaling.original_context_length': 64,
    },
    vectors: {
      'rope_factors_long.weight': Float32Array.from({ length: 12 }, (_, i) => 1 + i / 3),
      'rope_factors_short.weight': Float32Array.from({ length: 12 }, (_, i) => 1 + i / 50),
    },
  },
  'phi3, short factors': {
    architecture: 'phi3',
    heads: 2,
    kvHeads: 2,
    metadata: { 'rope.scaling.type': 'longrope', 'rope.scaling.original_context_length': 256 },
    vectors: {
      'rope_factors_long.weight': pairs((i) => 1 + i),
      'rope_factors_short.weight': pairs((i) => 1 + i / 10),
    },
  },
};
