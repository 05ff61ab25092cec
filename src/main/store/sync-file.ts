import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Makes a file, or a folder's names, last. Windows can't sync folders, and needs no such sync for a rename to last. */
export function syncFile(path: string): void {
  let handle: number;
  try {
    handle = openSync(path, 'r+');
  } catch {
    if (process.platform === 'win32') return;
    handle = openSync(path, 'r');
  }
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
