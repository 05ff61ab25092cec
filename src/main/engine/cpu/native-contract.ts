/**
 * The native addon's surface (native/, C++ Node-API). Only `native/index.ts` loads the binary; the cpu backend
 * imports it from there. All arrays are owned by JavaScript; the addon never hands out external memory.
 */
import type { CompiledPlan } from '../plan/types.ts';

export type SimdLevel = 'avx512bf16' | 'avx512' | 'avx2' | 'neon' | 'scalar';

export interface NativeCacheSpec {
  readonly compiled: CompiledPlan;
  readonly layers: number;
  /** rows of the largest chunk: rings get this much slack */
  readonly maxRows: number;
  /** storage of K and V: bf16 for models, f32 for conformance */
  readonly storage: 'bf16' | 'f32';
  /** [headDim / 2] radians per position, f64; RoPE pairs are interleaved (2i, 2i+1) as in llama.cpp's GGUF rows */
  readonly inverseFrequencies: Float64Array;
  /** XPOS (longnet.md section 1): scales zeta_i^(±e(t)), relative to the segment; null = plain RoPE */
  readonly xpos: { readonly scaleBase: number } | null;
  /** kernels of this cache (tests, benches); default: the addon's `simd`. f32 storage always runs the scalar one */
  readonly simd?: SimdLevel;
  /** threads of one attend call, 1 … 64, default 1; the result does not depend on it */
  readonly threads?: number;
}

export interface NativeCache {
  readonly position: number;
  readonly bytes: number;
  /** computes rotation tables for rows at [position, position + rows); call once per chunk, before the layers */
  begin(rows: number): void;
  /**
   * One layer: takes q, k, v rows, hands keys over between rings, appends, attends.
   * @param qkv f32 [rows][(heads + 2*kvHeads) * headDim], unrotated, order q | k | v
   * @param out f32 [rows][heads * headDim], overwritten
   */
  attend(layer: number, qkv: Float32Array, out: Float32Array): void;
  /** after all layers: position += rows */
  commit(): void;
  /** visible keys of the last committed row, one KV head: counted, not planned */
  reach(): { exact: number; sparse: number };
  fork(): NativeCache;
  snapshotBytes(): number;
  readSnapshot(offset: number, target: Uint8Array): void;
  writeSnapshot(offset: number, bytes: Uint8Array): void;
  finishRestore(position: number): void;
  /** for the flatness bench: pretends `position` tokens were read, rings filled with seeded noise */
  fillSynthetic(position: number, seed: number): void;
  release(): void;
}

export interface NativeAddon {
  readonly simd: SimdLevel;
  /** levels this machine can run; LONGLEAF_SIMD forces one */
  readonly available: readonly SimdLevel[];
  createCache(spec: NativeCacheSpec): NativeCache;
  /**
   * GGUF blocks to the operand layout of MatMulNBits (ONNX contrib op): see cpu/quantised-matmul.ts for layouts.
   * @param type 'Q4_0' | 'Q4_1' | 'Q8_0'
   */
  repack(
    type: 'Q4_0' | 'Q4_1' | 'Q8_0',
    source: Uint8Array,
    rows: number,
    columns: number,
    quants: Uint8Array,
    scales: Float32Array,
    minimums: Float32Array | null,
  ): void;
  /** rows of a quantised or float tensor as f32, for the embedding: ids select rows */
  gatherRows(
    type: 'F32' | 'F16' | 'Q8_0' | 'Q4_0' | 'Q4_1',
    source: Uint8Array,
    columns: number,
    ids: Int32Array,
    out: Float32Array,
  ): void;
}
