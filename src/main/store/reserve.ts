/** A file of 16 MB that is given up when the disk is full, so that a message can still be saved. */
import { closeSync, existsSync, fsyncSync, openSync, rmSync, statSync, statfsSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export const reserveBytes = 16 * 2 ** 20;

/** Writes the reserve where there is ample room (four times its size); never fails: it is a precaution. */
export function ensureReserve(file: string): void {
  try {
    if (existsSync(file) && statSync(file).size === reserveBytes) return;
    const disk = statfsSync(dirname(file));
    if (disk.bavail * disk.bsize < 4 * reserveBytes) return;
    writeReserve(file);
  } catch {
    rmSync(file, { force: true });
  }
}

function writeReserve(file: string): void {
  const handle = openSync(file, 'w', 0o600);
  try {
    const block = Buffer.alloc(2 ** 20, 0x2e);
    for (let written = 0; written < reserveBytes; written += block.length) writeSync(handle, block);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** true when there was a reserve to give up */
export function releaseReserve(file: string): boolean {
  if (!existsSync(file)) return false;
  rmSync(file, { force: true });
  return true;
}
