import { initial } from './0001-initial.ts';
import type { Migration } from './types.ts';

export type { Migration } from './types.ts';

/** Append only. */
export const migrations: readonly Migration[] = [initial];
