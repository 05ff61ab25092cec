/**
 * What a backend without the other architectures computes: llama's layers without biases, and the types that its
 * kernels unpack.
 */
import type { GgufFile, TensorType } from '../formats/index.ts';
import { unsupported } from './gguf-metadata.ts';
import { modelSources, wrongType } from './model-tensors.ts';
import { queryScales } from './rope.ts';
import type { Hyperparameters } from './runtime.ts';

const types: readonly TensorType[] = ['F32', 'F16', 'Q8_0', 'Q4_0', 'Q4_1'];
const vectorTypes: readonly TensorType[] = ['F32', 'F16'];

/** @throws AppError 'unsupported', naming what the backend does not compute */
export function requirePlainLlama(gguf: GgufFile, h: Hyperparameters, backend: 'cpu' | 'webgpu'): void {
  if (h.architecture !== 'llama') {
    throw unsupported(
      `The architecture "${h.architecture}" is not computed by the backend "${backend}" yet.`,
      'Use --backend reference: it is slow, and computes all architectures.',
    );
  }
  const { layers } = modelSources(gguf, h);
  if (layers.some(({ biases }) => biases !== null) || queryScales(h) !== null || h.logitSoftCap !== null) {
    throw unsupported(
      `Biases, scaled rotations and capped logits are not computed by the backend "${backend}" yet.`,
      'Use --backend reference.',
    );
  }
  if (gguf.tensors.has('blk.0.attn_qkv.weight')) {
    throw unsupported(`Fused q, k and v are not read by the backend "${backend}" yet.`);
  }
  for (const tensor of gguf.tensors.values()) {
    const allowed = tensor.shape.length === 1 ? vectorTypes : types;
    if (!allowed.includes(tensor.type)) throw wrongType(tensor, allowed);
  }
}
