/** What the data folder holds, in bytes. */
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataUsage } from '../../shared/rpc/index.ts';
import { modelsFolder } from './models.ts';

export async function dataUsage(dataFolder: string): Promise<DataUsage> {
  const file = (name: string): string => join(dataFolder, name);
  const [database, states, models, backups, disk] = await Promise.all([
    sizeOf([file('longleaf.db'), file('longleaf.db-wal'), file('longleaf.reserve')]),
    sizeOf([file('state.db'), file('state.db-wal')]),
    folderSize(modelsFolder(dataFolder)),
    folderSize(file('backups')),
    statfs(dataFolder),
  ]);
  return { folder: dataFolder, database, states, models, backups, free: disk.bavail * disk.bsize };
}

/** a file that is not there has no bytes */
async function sizeOf(files: readonly string[]): Promise<number> {
  const sizes = await Promise.all(
    files.map((path) =>
      stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** of all files in it, however deep: the sentence model has a folder of its own */
async function folderSize(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return sizeOf(
    entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name)),
  );
}
