import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { AppError } from '../../../shared/errors.ts';
import { checkConsistency } from './consistency.ts';
import { fileSource } from './header-bytes.ts';
import { readHeader } from './header.ts';
import type { GgufFile, TensorInfo } from './types.ts';

/**
 * Opens a GGUF file (versions 2 and 3, little-endian): reads and checks the header, no tensor data. Takes less than
 * a second and 64 MB for any file.
 * @param path of the file
 * @throws AppError 'not-found' when it cannot be opened; 'invalid-input' or 'unsupported', naming the first fault
 */
export async function openGguf(path: string): Promise<GgufFile> {
  const handle = await openFile(path);
  try {
    return await readFile(path, handle);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw new AppError(
      'not-found',
      `The model file ${path} cannot be opened (${cause instanceof Error ? cause.message : String(cause)}).`,
      'Check the path and that you may read the file.',
      { cause },
    );
  }
}

async function readFile(path: string, handle: FileHandle): Promise<GgufFile> {
  const stat = await handle.stat();
  // A pipe or device has no size to check against, and a folder no content.
  if (!stat.isFile())
    throw new AppError('invalid-input', `${path} is not a file.`, 'Choose a file that ends in .gguf.');
  const header = readHeader(fileSource(handle.fd, stat.size));
  checkConsistency(header.metadata);
  return {
    path,
    version: header.version,
    bytes: stat.size,
    metadata: header.metadata,
    tensors: header.tensors,
    readTensor: (name) => readTensor(handle, header.tensors.get(name), name, path),
    close: () => handle.close(),
  };
}

async function readTensor(
  handle: FileHandle,
  tensor: TensorInfo | undefined,
  name: string,
  path: string,
): Promise<Uint8Array> {
  if (tensor === undefined)
    throw new AppError('invalid-input', `The model ${path} has no tensor ${JSON.stringify(name)}.`);
  const target = new Uint8Array(tensor.bytes);
  let filled = 0;
  while (filled < target.length) {
    const { bytesRead } = await handle.read(target, filled, target.length - filled, tensor.offset + filled);
    if (bytesRead === 0)
      throw new AppError(
        'invalid-input',
        `The model ${path} became shorter while it was read (tensor ${JSON.stringify(name)}).`,
        'Close other programs that write to it and try again.',
      );
    filled += bytesRead;
  }
  return target;
}
