/** What the keys do in a tree of rows (WAI-ARIA, tree view). */
import type { TreeRow } from '../../stores/tree.svelte.ts';

type TreeMove =
  | { readonly kind: 'go'; readonly index: number }
  | { readonly kind: 'toggle'; readonly folder: string; readonly open: boolean };

/** Rows that Page Up and Page Down move by. */
const PAGE_ROWS = 10;

/** Null: the key does not move. */
export function moveInTree(
  key: string,
  rows: readonly TreeRow[],
  at: number,
  isOpen: (folder: string) => boolean,
): TreeMove | null {
  const go = (index: number): TreeMove => ({ kind: 'go', index });
  switch (key) {
    case 'ArrowDown':
      return go(at + 1);
    case 'ArrowUp':
      return go(at - 1);
    case 'PageDown':
      return go(at + PAGE_ROWS);
    case 'PageUp':
      return go(at - PAGE_ROWS);
    case 'Home':
      return go(0);
    case 'End':
      return go(rows.length - 1);
    case 'ArrowRight':
      return inwards(rows, at, isOpen);
    case 'ArrowLeft':
      return outwards(rows, at, isOpen);
    default:
      return null;
  }
}

/** Opens a folder; in an open one, goes to its first row. */
function inwards(rows: readonly TreeRow[], at: number, isOpen: (folder: string) => boolean): TreeMove | null {
  const entry = rows[at]?.entry;
  if (entry?.kind !== 'folder') return null;
  if (!isOpen(entry.path)) return { kind: 'toggle', folder: entry.path, open: true };
  return { kind: 'go', index: at + 1 };
}

/** Closes an open folder; anything else goes to the folder it stands in. */
function outwards(
  rows: readonly TreeRow[],
  at: number,
  isOpen: (folder: string) => boolean,
): TreeMove | null {
  const row = rows[at];
  if (row === undefined) return null;
  if (row.entry?.kind === 'folder' && isOpen(row.entry.path))
    return { kind: 'toggle', folder: row.entry.path, open: false };
  const parent = rows.findLastIndex((one, i) => i < at && one.depth < row.depth);
  return parent < 0 ? null : { kind: 'go', index: parent };
}

/** The next row whose name begins with what was typed; where there is none, the same row. */
export function typedMatch(rows: readonly TreeRow[], at: number, typed: string): number {
  const wanted = typed.toLowerCase();
  const from = typed.length === 1 ? at + 1 : at;
  for (let i = 0; i < rows.length; i++) {
    const index = (from + i) % rows.length;
    const path = rows[index]?.entry?.path ?? '';
    if (
      path
        .slice(path.lastIndexOf('/') + 1)
        .toLowerCase()
        .startsWith(wanted)
    )
      return index;
  }
  return at;
}
