/**
 * The bytes of a snapshot as views of the rings: the held entries of each ring in order, each a key and a value
 * (f32, little-endian, headDim numbers each). No header, no slack: the same position gives the same bytes.
 */
import type { EntryRange } from '../plan/visibility.ts';
import type { RingStore } from './ring-store.ts';

export interface SnapshotRegion {
  readonly store: RingStore;
  readonly held: EntryRange;
}

export function snapshotLength(regions: readonly SnapshotRegion[]): number {
  return regions.reduce((sum, region) => sum + regionBytes(region), 0);
}

/**
 * Visits the stored bytes that the snapshot bytes [offset, offset + length) stand for, in order.
 * @param visit piece: a view into a ring; at: where it lies, counted from `offset`
 */
export function forEachPiece(
  regions: readonly SnapshotRegion[],
  offset: number,
  length: number,
  visit: (piece: Uint8Array, at: number) => void,
): void {
  let start = 0;
  for (const region of regions) {
    const end = start + regionBytes(region);
    const from = Math.max(offset, start);
    const to = Math.min(offset + length, end);
    const { rowBytes } = region.store;
    for (let at = from; at < to;) {
      const row = Math.floor((at - start) / rowBytes);
      const skip = at - start - row * rowBytes;
      const take = Math.min(rowBytes - skip, to - at);
      visit(storedRow(region, row).subarray(skip, skip + take), at - offset);
      at += take;
    }
    start = end;
  }
}

function regionBytes({ store, held }: SnapshotRegion): number {
  return 2 * (held.end - held.first) * store.rowBytes;
}

/** Row 2j is the key of held entry j, row 2j + 1 its value. */
function storedRow({ store, held }: SnapshotRegion, row: number): Uint8Array {
  const numbers = row % 2 === 0 ? store.keys : store.values;
  const slot = store.slot(held.first + Math.floor(row / 2));
  return new Uint8Array(numbers.buffer, numbers.byteOffset + slot * store.rowBytes, store.rowBytes);
}
