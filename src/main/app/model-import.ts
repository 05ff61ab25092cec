/** A GGUF that is on this machine already: taken into the data folder as a copy, or as a link to where it lies. */
import { constants, copyFile, mkdir, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { AppError } from '../../shared/errors.ts';
import { sha256File, verifyGguf } from '../formats/index.ts';
import { assertRoom, diskError, placeModel } from './model-files.ts';
import { writeRecord } from './model-record.ts';
import { describeModel, modelsFolder, readManifest } from './models.ts';
import type { ByteProgress, InstalledModel } from './models.ts';

export interface ImportOptions {
  /** 'link': no second copy of gigabytes; the file must stay where it is. Default 'copy' */
  readonly as?: 'copy' | 'link' | undefined;
  readonly onProgress?: ByteProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Checks a GGUF and copies it into the data folder, or links to it, all or nothing.
 * @throws AppError 'invalid-input' or 'unsupported' (the file's first fault), 'conflict' for another file of that name,
 *   'disk-full' before anything is copied
 */
export async function importModel(
  dataFolder: string,
  file: string,
  { as = 'copy', onProgress, signal }: ImportOptions = {},
): Promise<InstalledModel> {
  const info = await stat(file).catch(() => null);
  if (!info?.isFile()) {
    throw new AppError('not-found', `There is no file ${file}.`, 'Check the path.');
  }
  // verifyGguf reads the file twice: checked, then hashed
  const { sha256 } = await verifyGguf(file, (bytes) => {
    signal?.throwIfAborted();
    onProgress?.(bytes, 2 * info.size);
  });
  const folder = modelsFolder(dataFolder);
  // what has no such name is not found in the folder
  const name = /\.gguf$/i.test(file) ? basename(file) : `${basename(file)}.gguf`;
  const target = join(folder, name);
  const there = await sameFile(target, sha256);
  if (there !== null) return there;
  await assertNotAltered(name, info.size, sha256);
  try {
    await mkdir(folder, { recursive: true });
    if (as === 'link') await linkTo(resolve(file), target);
    else await copyTo(file, target, info.size, signal);
  } catch (error) {
    throw diskError(error, folder);
  }
  await writeRecord(target, { sha256, source: resolve(file) });
  const model = await describeModel(target, (await readManifest()).models);
  if (!model) throw new AppError('internal', `${target} vanished while it was being imported.`);
  return model;
}

/** The model of that name, when it has that content; null when there is none. @throws AppError 'conflict' */
async function sameFile(target: string, sha256: string): Promise<InstalledModel | null> {
  const there = await describeModel(target, (await readManifest()).models);
  if (there === null) return null;
  if (there.bytes > 0 && (await sha256File(target)) === sha256) return there;
  throw new AppError(
    'conflict',
    `There is another model named ${basename(target)}.`,
    'Rename the file, or remove the other one with `longleaf models remove ID`.',
  );
}

/**
 * A file with the name and size of a known model counts as that model, with its licence, its hash and what was measured
 * of it: it must be that model.
 */
async function assertNotAltered(name: string, bytes: number, sha256: string): Promise<void> {
  const { models } = await readManifest();
  const known = models.find((model) => model.file === name && model.bytes === bytes);
  if (known === undefined || known.sha256 === sha256) return;
  throw new AppError(
    'invalid-input',
    `The file has the name and the size of ${known.name}, but another content: SHA-256 ${sha256}, not ${known.sha256}.`,
    'It is damaged or was altered. Give it another name if that is meant.',
  );
}

async function copyTo(
  file: string,
  target: string,
  bytes: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  await assertRoom(dirname(target), bytes);
  const part = `${target}.${process.pid}.part`;
  try {
    // where the file system can, the copy shares its blocks with the original
    await copyFile(file, part, constants.COPYFILE_FICLONE);
    signal?.throwIfAborted();
    await placeModel(part, target);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

async function linkTo(file: string, target: string): Promise<void> {
  try {
    await symlink(file, target, 'file');
  } catch (error) {
    // On Windows only administrators and developers may make links.
    if (error instanceof Error && 'code' in error && error.code === 'EPERM')
      throw new AppError(
        'unsupported',
        `This system does not allow a link to ${file}.`,
        'Import a copy, or name the file with --model PATH where it lies.',
        { cause: error },
      );
    throw error;
  }
}
