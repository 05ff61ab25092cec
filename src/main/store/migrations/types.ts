import type { Db } from '../database.ts';

/** One step of the schema. Never edited after a release: a mistake is mended by the next step. */
export interface Migration {
  /** user_version after this step; consecutive from 1 */
  readonly version: number;
  readonly name: string;
  readonly up: (db: Db) => void;
}
