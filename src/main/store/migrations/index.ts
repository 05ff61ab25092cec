import { initial } from './0001-initial.ts';
import { folders } from './0002-folders.ts';
import { passageVectors } from './0003-passage-vectors.ts';
import { textPieces } from './0004-text-pieces.ts';
import type { Migration } from './types.ts';

export type { Migration } from './types.ts';

/** Append only. */
export const migrations: readonly Migration[] = [initial, folders, passageVectors, textPieces];
