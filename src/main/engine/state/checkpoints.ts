/** Which stored states stay: thinning of a label's checkpoints, the quota of state.db, and room on the disk. */
import { statfsSync } from 'node:fs';
import { AppError } from '../../../shared/errors.ts';
import { prefixDigests } from '../token-history.ts';
import type { StateRow, StateTables } from './tables.ts';
import { thinChain, USUAL_RATIO } from './thinning.ts';

/** Left free on the disk for everything else: messages are saved on the same one. */
const DISK_RESERVE_BYTES = 64 * 1024 * 1024;

/** Spacings tried one after the other until the quota is kept; Infinity leaves the newest state of each label. */
const RATIOS = [USUAL_RATIO, 4, 8, 16, 64, Infinity];

/**
 * After a state was saved: thins the checkpoints that are prefixes of it. Of states of the same label and identity
 * that are not (a version before a change), the most recent one stays, so that the old state is usable until its
 * label is removed.
 * @param ids the newest state's token ids
 */
export function thinLabel(
  tables: StateTables,
  newest: Pick<StateRow, 'label' | 'identity' | 'position'>,
  ids: Int32Array,
): void {
  const rows = tables
    .states(newest.label)
    .filter((row) => row.identity === newest.identity)
    .sort((a, b) => a.position - b.position);
  const shorter = rows.filter((row) => row.position <= newest.position);
  const digests = prefixDigests(
    ids,
    shorter.map((row) => row.position),
  );
  const chain = shorter.filter((row, index) => row.prefixHash === digests[index]);
  const others = rows.filter((row) => !chain.includes(row));
  const kept = new Set([...chainThatStays(chain, USUAL_RATIO), ...mostRecent(others)]);
  tables.remove(rows.filter((row) => !kept.has(row)).map((row) => row.id));
}

/**
 * Thins what is stored until `bytes` more are within the quota, and checks the disk.
 * @throws AppError 'disk-full' with details {needed, available} in bytes; nothing that is newest was removed
 */
export function makeRoom(tables: StateTables, bytes: number, quota: number, folder: string): void {
  for (const ratio of RATIOS) {
    if (tables.usedBytes() + bytes <= quota) break;
    thinAll(tables, ratio);
  }
  const used = tables.usedBytes();
  if (used + bytes > quota)
    throw diskFull(
      `The stored states take ${megabytes(used)} MB; ${megabytes(bytes)} MB more exceed their ${megabytes(quota)} MB.`,
      'Raise state.maxDiskGB, or remove a library.',
      bytes,
      quota - used,
    );
  const disk = statfsSync(folder);
  const available = disk.bavail * disk.bsize + tables.reusableBytes() - DISK_RESERVE_BYTES;
  if (available < bytes)
    throw diskFull(
      `The disk has room for ${megabytes(Math.max(0, available))} MB; this state needs ${megabytes(bytes)} MB.`,
      `Free some space where ${folder} is.`,
      bytes,
      available,
    );
}

function thinAll(tables: StateTables, ratio: number): void {
  const groups = Map.groupBy(tables.states(), (row) => `${row.label}\n${row.identity}`);
  for (const rows of groups.values()) {
    const [newest] = mostRecent(rows);
    const behind = rows
      .filter((row) => row.position < newest.position)
      .sort((a, b) => a.position - b.position);
    const others = rows.filter((row) => row.position >= newest.position && row !== newest);
    const kept = new Set([
      ...chainThatStays([...behind, newest], ratio),
      ...(ratio === Infinity ? [] : others),
    ]);
    tables.remove(rows.filter((row) => !kept.has(row)).map((row) => row.id));
  }
}

function chainThatStays(chain: readonly StateRow[], ratio: number): StateRow[] {
  const positions = new Set(
    thinChain(
      chain.map((row) => row.position),
      ratio,
    ),
  );
  return chain.filter((row) => positions.has(row.position));
}

function mostRecent(rows: readonly StateRow[]): StateRow[] {
  return rows.length === 0 ? [] : [rows.reduce((a, b) => (a.saved > b.saved ? a : b))];
}

function diskFull(message: string, hint: string, needed: number, available: number): AppError {
  return new AppError('disk-full', message, hint, { details: { needed, available: Math.max(0, available) } });
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
