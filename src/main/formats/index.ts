export type { GgufFile, MetadataValue, TensorInfo, TensorType } from './gguf/types.ts';
// Provided by the formats module (see its README comment in gguf/):
// openGguf(path): Promise<GgufFile>; verifyGguf(path): Promise<VerifyReport>; dequantise(type, bytes, count): Float32Array;
// sha256File(path, onProgress?): Promise<string>
