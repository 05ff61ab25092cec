/**
 * Packed weights in a file beside the model: written once, mapped from then on, so that a start reads nothing and
 * several engines share the memory. A header of one page says what the file is; the panels follow it. A file of another
 * version, model or layout, or a damaged one, is made anew.
 */
import { createHash } from 'node:crypto';
import { open, rename, rm, stat, statfs } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import * as v from 'valibot';
import type { GgufFile } from '../../formats/index.ts';
import type { NativeAddon, NativeWeights } from './native-contract.ts';
import { packPieces } from './packed-weights.ts';
import type { WeightLayout } from './packed-weights.ts';

/** Raised when the same tensors would be packed into other bytes. */
const VERSION = 1;
const HEADER_BYTES = 4096;
/** Smaller models are packed at every start: quicker than the file system. */
const SMALLEST = 16 << 20;
/** Left free on the disk. */
const SPARE_BYTES = 512 << 20;

export interface PackedFileOptions {
  /** SHA-256 of the model file */
  readonly modelHash: string;
  /** where the file may lie when the model's own folder is not writable */
  readonly folder: string | null;
  /** bytes from which a file is worth it; tests have less */
  readonly smallest?: number;
}

const headerSchema = v.object({
  format: v.literal('longleaf packed weights'),
  version: v.literal(VERSION),
  identity: v.string(),
  bytes: v.number(),
  checksum: v.string(),
});

/**
 * The model's packed weights: mapped from a file, where there is one or one can be written, else in memory.
 * @throws AppError as `packPieces`
 */
export async function packedWeights(
  gguf: GgufFile,
  layout: WeightLayout,
  native: NativeAddon,
  options: PackedFileOptions | null,
): Promise<NativeWeights> {
  if (options !== null && layout.bytes >= (options.smallest ?? SMALLEST)) {
    const identity = identityOf(layout, options.modelHash);
    const paths = pathsOf(gguf.path, options.folder);
    for (const path of paths) {
      const mapped = await mapFile(path, identity, layout.bytes, native);
      if (mapped !== null) return mapped;
    }
    for (const path of paths) {
      const written = await writeFile(path, identity, gguf, layout, native);
      if (written !== null) return written;
    }
  }
  const weights = new native.NativeWeights(layout.bytes);
  await packPieces(gguf, layout, native, (offset, bytes) => {
    weights.write(offset, bytes);
  });
  return weights;
}

/** What a model's packed weights take on the disk; 0 without any. */
export async function packedWeightBytes(modelPath: string, folder: string | null): Promise<number> {
  const sizes = pathsOf(modelPath, folder).map((path) =>
    stat(path).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Frees the disk of a model's packed weights, when the model itself goes; without any, nothing happens. */
export async function removePackedWeights(modelPath: string, folder: string | null): Promise<void> {
  await Promise.all(pathsOf(modelPath, folder).map((path) => rm(path, { force: true })));
}

function pathsOf(modelPath: string, folder: string | null): readonly string[] {
  const folders = [...new Set([dirname(modelPath), ...(folder === null ? [] : [folder])])];
  return folders.map((each) => join(each, `${basename(modelPath)}.packed`));
}

/** Everything that the bytes depend on. */
function identityOf(layout: WeightLayout, modelHash: string): string {
  const pieces = layout.pieces.map(({ source, type, offset }) => [
    source.tensor,
    source.firstRow,
    source.rows,
    source.columns,
    source.headOrder === null ? null : [...source.headOrder],
    type,
    offset,
  ]);
  return createHash('sha256')
    .update(JSON.stringify([modelHash, pieces]))
    .digest('hex');
}

/** null: no file, or not the one that is wanted */
async function mapFile(
  path: string,
  identity: string,
  bytes: number,
  native: NativeAddon,
): Promise<NativeWeights | null> {
  const header = await readHeader(path);
  if (header?.identity !== identity || header.bytes !== bytes) return null;
  try {
    const weights = new native.NativeWeights(path, HEADER_BYTES, bytes);
    return weights.checksum() === header.checksum ? weights : null;
  } catch {
    return null; // cut short: made anew
  }
}

async function readHeader(path: string): Promise<v.InferOutput<typeof headerSchema> | null> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const bytes = new Uint8Array(HEADER_BYTES);
    await file.read(bytes, 0, HEADER_BYTES, 0);
    const parsed = v.safeParse(headerSchema, JSON.parse(new TextDecoder().decode(bytes)));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  } finally {
    await file?.close();
  }
}

/** null: it cannot be written here */
async function writeFile(
  path: string,
  identity: string,
  gguf: GgufFile,
  layout: WeightLayout,
  native: NativeAddon,
): Promise<NativeWeights | null> {
  const temporary = `${path}.${String(process.pid)}`;
  let file: FileHandle | undefined;
  try {
    const { bavail, bsize } = await statfs(dirname(path));
    if (bavail * bsize < layout.bytes + SPARE_BYTES) return null;
    file = await open(temporary, 'wx', 0o644);
  } catch {
    return null;
  }
  try {
    const target = file;
    const store = async (offset: number, bytes: Uint8Array): Promise<void> => {
      const { bytesWritten } = await target.write(bytes, 0, bytes.length, offset);
      if (bytesWritten !== bytes.length) throw new FullDisk();
    };
    await packPieces(gguf, layout, native, (offset, bytes) => store(HEADER_BYTES + offset, bytes));
    const weights = new native.NativeWeights(temporary, HEADER_BYTES, layout.bytes);
    const header: v.InferInput<typeof headerSchema> = {
      format: 'longleaf packed weights',
      version: VERSION,
      identity,
      bytes: layout.bytes,
      checksum: weights.checksum(),
    };
    await store(0, new TextEncoder().encode(JSON.stringify(header).padEnd(HEADER_BYTES)));
    await target.sync();
    await rename(temporary, path);
    return weights;
  } catch (error) {
    if (isDiskError(error)) return null;
    throw error;
  } finally {
    await file.close();
    await rm(temporary, { force: true });
  }
}

class FullDisk extends Error {}

/** The disk is full or refuses: the weights go to memory. */
function isDiskError(error: unknown): boolean {
  return error instanceof FullDisk || (error instanceof Error && 'syscall' in error);
}
