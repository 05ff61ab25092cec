/** The reference backend, and its operations: the twins that other backends' kernels are tested against. */
export { attend } from './attention.ts';
export type { AttentionPart } from './attention.ts';
export { dilatedAttention, rotateWithXpos } from './dilated-attention.ts';
export type { DilatedAttentionInput } from './dilated-attention.ts';
export { embedding } from './embedding.ts';
export { matmul } from './matmul.ts';
export { ReferenceCache } from './reference-cache.ts';
export { createReferenceRuntime } from './reference-runtime.ts';
export { prepareChunk, ringAttention } from './ring-attention.ts';
export { rmsNorm } from './rms-norm.ts';
export { rotate, rotationTable, xposScaleBase, xposZeta } from './rope.ts';
export { swiglu } from './swiglu.ts';
export { compareWithVector, maxAbsDifference, xposFrequencies } from './vectors.ts';
export type { VectorErrors } from './vectors.ts';
