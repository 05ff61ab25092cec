/** What tells one model from another: the hash of its file. */
import { createHash } from 'node:crypto';
import { sha256File } from '../formats/index.ts';
import type { InstalledModel } from './models.ts';

/**
 * SHA-256 of a model's file: the manifest's for a known one, whose hash was checked when it came. With an adapter, of
 * both files' hashes: its states are those of another model.
 */
export async function hashOfModel({ known, link, path, adapter }: InstalledModel): Promise<string> {
  const own = known !== null && link === null ? known.sha256 : await sha256File(path);
  if (adapter === undefined) return own;
  return createHash('sha256')
    .update(`${own} ${await sha256File(adapter)}`)
    .digest('hex');
}
