import { sha256File } from '../sha256.ts';
import { checkTensorData } from './tensor-data.ts';
import { openGguf } from './open.ts';
import type { GgufFile } from './types.ts';

/** What `longleaf models verify` prints of a file without a fault. */
export interface VerifyReport {
  readonly path: string;
  readonly bytes: number;
  readonly version: number;
  readonly architecture: string | null;
  readonly name: string | null;
  readonly metadataEntries: number;
  readonly tensors: number;
  readonly parameters: number;
  /** tensors per type, by ggml's names */
  readonly types: Readonly<Record<string, number>>;
  readonly sha256: string;
}

/**
 * Checks a whole file without loading the model: header, metadata, tensor extents, the numbers in the tensors that
 * must be finite, and its hash.
 * @param onProgress bytes read so far, twice over the file: checked, then hashed
 * @throws AppError as `openGguf`; the first fault
 */
export async function verifyGguf(path: string, onProgress?: (bytes: number) => void): Promise<VerifyReport> {
  const file = await openGguf(path);
  try {
    await checkTensorData(file, onProgress);
    return describe(file, await sha256File(path, (bytes) => onProgress?.(file.bytes + bytes)));
  } finally {
    await file.close();
  }
}

function describe(file: GgufFile, sha256: string): VerifyReport {
  const types: Record<string, number> = {};
  let parameters = 0;
  for (const tensor of file.tensors.values()) {
    types[tensor.typeName] = (types[tensor.typeName] ?? 0) + 1;
    parameters += tensor.shape.reduce((product, side) => product * side, 1);
  }
  const text = (key: string): string | null => {
    const value = file.metadata.get(key);
    return typeof value === 'string' ? value : null;
  };
  return {
    path: file.path,
    bytes: file.bytes,
    version: file.version,
    architecture: text('general.architecture'),
    name: text('general.name'),
    metadataEntries: file.metadata.size,
    tensors: file.tensors.size,
    parameters,
    types,
    sha256,
  };
}
