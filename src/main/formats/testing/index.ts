/** For tests only: writes GGUF files. */
export type {
  EncodableGguf,
  EncodableTensor,
  EncodableTensorInfo,
  EncodableValue,
  F32,
} from './encode-gguf.ts';
export { encodeGguf, encodeGgufHeader } from './encode-gguf.ts';
export { floatToHalf } from './float-to-half.ts';
export type { QuantisedType } from './quantise.ts';
export { quantise } from './quantise.ts';
export type { TinyLlama } from './tiny-llama.ts';
export { encodeTinyLlama, smallestLlama } from './tiny-llama.ts';
export type { TinyModel } from './tiny-model.ts';
export { encodeTinyModel } from './tiny-model.ts';
export { tinyVocabulary, tinyVocabularyMetadata } from './tiny-vocabulary.ts';
