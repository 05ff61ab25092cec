/** What is remembered of a library beside its versions: with which plan and model it was read. */
import * as v from 'valibot';
import type { LibraryId } from '../../shared/model/index.ts';
import type { AttentionPlan } from '../engine/index.ts';
import { parsePlan } from '../engine/index.ts';
import type { Store } from '../store/index.ts';

/** How a library was read last. */
export interface Reading {
  readonly plan: AttentionPlan;
  /** id of the model */
  readonly model: string;
  readonly tokensPerSecond: number;
  /** of the newest checkpoint; 0 = none yet */
  readonly stateBytes: number;
  /** the library version that was read to its end; null: reading is not finished */
  readonly versionId: string | null;
  /** what is stored of the text of version `of`, in tokens with preamble and headers; checkpoints likewise */
  readonly position: number;
  readonly checkpoints: readonly number[];
  readonly of: string | null;
}

const readingSchema = v.object({
  plan: v.unknown(),
  model: v.string(),
  tokensPerSecond: v.number(),
  stateBytes: v.number(),
  versionId: v.nullable(v.string()),
  position: v.optional(v.number(), 0),
  checkpoints: v.optional(v.array(v.number()), []),
  of: v.optional(v.nullable(v.string()), null),
});

const key = (id: LibraryId): string => `library.reading.${id}`;

/** null: it was never read, or what was remembered is of another time and can't be understood */
export async function readingOf(store: Store, id: LibraryId): Promise<Reading | null> {
  const text = await store.setting(key(id));
  if (text === null || text === '') return null;
  const parsed = v.safeParse(readingSchema, JSON.parse(text));
  if (!parsed.success) return null;
  return { ...parsed.output, plan: parsePlan(parsed.output.plan, 'the library') };
}

export async function rememberReading(store: Store, id: LibraryId, reading: Reading | null): Promise<void> {
  await store.setSetting(key(id), reading === null ? '' : JSON.stringify(reading));
}
