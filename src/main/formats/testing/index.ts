/** For tests only: writes GGUF files. */
export type { EncodableGguf, EncodableTensor, EncodableValue, F32 } from './encode-gguf.ts';
export { encodeGguf } from './encode-gguf.ts';
export { floatToHalf, quantise } from './quantise.ts';
export type { TinyLlama } from './tiny-llama.ts';
export { encodeTinyLlama, smallestLlama, tinyVocabulary } from './tiny-llama.ts';
