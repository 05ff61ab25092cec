/** What is done with a model that is here: checked again, removed. */
import { rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { AppError } from '../../shared/errors.ts';
import { removePackedWeights } from '../engine/index.ts';
import { verifyGguf } from '../formats/index.ts';
import { readRecord, removeRecord } from './model-record.ts';
import { assertPresent, availableModels, listModels } from './models.ts';
import type { ByteProgress, InstalledModel } from './models.ts';

/** What checking a model again has shown. */
export interface ModelCheck {
  readonly sha256: string;
  /** what it should be, and who says so; null: nobody */
  readonly expected: { readonly sha256: string; readonly by: 'manifest' | 'record' } | null;
}

/**
 * Every number of an installed model and its hash, compared with the one it had when it came.
 * @throws AppError 'not-found' for a link to nothing, the file's first fault, 'corrupt' for another content
 */
export async function checkInstalled(
  model: InstalledModel,
  onProgress?: ByteProgress,
  signal?: AbortSignal,
): Promise<ModelCheck> {
  assertPresent(model);
  const { sha256 } = await verifyGguf(model.path, (bytes) => {
    signal?.throwIfAborted();
    onProgress?.(bytes, 2 * model.bytes);
  });
  const record = await readRecord(model.path);
  const expected =
    model.known !== null
      ? { sha256: model.known.sha256, by: 'manifest' as const }
      : record && { sha256: record.sha256, by: 'record' as const };
  if (expected !== null && expected.sha256 !== sha256)
    throw new AppError(
      'corrupt',
      `${model.path} has SHA-256 ${sha256}, and ${expected.sha256} when it came.`,
      model.link === null
        ? 'Remove it, and fetch or import it again.'
        : `The file it links to has changed: ${model.link}. Remove the link, and import it again if that is meant.`,
    );
  return { sha256, expected };
}

/** @throws AppError 'model-missing' for an unknown id, 'conflict' for a model of another data folder */
export async function removeModel(dataFolder: string, id: string): Promise<InstalledModel> {
  const isMeant = (one: InstalledModel): boolean => one.id === id || basename(one.path) === id;
  const model = (await listModels(dataFolder)).find(isMeant);
  const elsewhere = model ? undefined : (await availableModels(dataFolder)).find(isMeant);
  if (elsewhere !== undefined)
    throw new AppError(
      'conflict',
      `The model ${id} is used from ${dirname(elsewhere.path)}, which is not of this data folder.`,
      'Remove it there.',
    );
  if (!model) {
    throw new AppError('model-missing', `No model ${id} is installed.`, 'See `longleaf models list`.');
  }
  // of a link the link only, never what it points to
  await rm(model.path);
  await removeRecord(model.path);
  await removePackedWeights(model.path, null);
  return model;
}
