/** The durable row of work on a library: what a kill leaves 'running' is taken up again at the next start. */
import * as v from 'valibot';
import { AppError, toWire } from '../../shared/errors.ts';
import type { WireError } from '../../shared/errors.ts';
import type { LibraryId } from '../../shared/model/index.ts';
import type { Store, StoredJob } from '../store/index.ts';
import type { EngineChoice } from './engines.ts';

export type JobKind = StoredJob['kind'];

/** What a job was asked for, as far as it is needed to take it up again. */
export interface JobOrder extends EngineChoice {
  readonly kind: JobKind;
  /** true: hash every file */
  readonly verify?: boolean | undefined;
  /** true: files that could not be read are tried once more; paths: these only */
  readonly retry?: boolean | readonly string[] | undefined;
}

/** Thrown at running work (as the reason of its signal): why it stops, and how its row stays. */
export class JobStop extends AppError {
  readonly state: 'paused' | 'cancelled' | 'running';

  constructor(state: 'paused' | 'cancelled' | 'running') {
    super('interrupted', 'The work was interrupted; what was done is kept.');
    this.state = state;
  }
}

export interface JobRow {
  readonly library: LibraryId;
  readonly order: JobOrder;
  readonly state: StoredJob['state'];
  readonly error: WireError | null;
}

const detailSchema = v.object({
  order: v.object({
    model: v.optional(v.string()),
    adapter: v.optional(v.string()),
    plan: v.optional(v.union([v.string(), v.record(v.string(), v.unknown())])),
    backend: v.optional(v.picklist(['auto', 'cpu', 'webgpu', 'reference'])),
    verify: v.optional(v.boolean()),
    retry: v.optional(v.union([v.boolean(), v.array(v.string())])),
  }),
  error: v.nullable(v.object({ code: v.string(), message: v.string(), hint: v.optional(v.string()) })),
});

/** The rows of all libraries; a row that can't be understood counts as done. */
export async function jobRows(store: Pick<Store, 'jobs'>): Promise<readonly JobRow[]> {
  const rows: JobRow[] = [];
  for (const { id, kind, libraryId, state, detail } of await store.jobs()) {
    if (id !== libraryId) continue;
    const parsed = v.safeParse(detailSchema, parseJson(detail));
    if (!parsed.success) continue;
    const { order, error } = parsed.output;
    // The codes come from toWire, and were written by this program or an older one.
    rows.push({ library: libraryId, order: { ...order, kind }, state, error: error as WireError | null });
  }
  return rows;
}

export async function putJobRow(store: Pick<Store, 'putJob'>, row: JobRow): Promise<void> {
  const { kind, model, plan, backend, verify, retry } = row.order;
  const detail = { order: { model, plan, backend, verify, retry }, error: row.error };
  await store.putJob({
    id: row.library,
    kind,
    libraryId: row.library,
    state: row.state,
    detail: JSON.stringify(detail),
  });
}

/** Runs `work` with its row: 'running' while it runs, and then how it has ended. */
export async function withJobRow<T>(
  store: Pick<Store, 'putJob'>,
  library: LibraryId,
  order: JobOrder,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const row = { library, order, error: null };
  await putJobRow(store, { ...row, state: 'running' });
  try {
    const result = await work();
    await putJobRow(store, { ...row, state: 'done' });
    return result;
  } catch (error) {
    const state = stateAfter(error, signal);
    const wire = state === 'failed' ? toWire(error) : null;
    // The failure itself is what the user must see, not that it could not be written down (a full disk).
    await putJobRow(store, { ...row, state, error: wire }).catch(() => undefined);
    throw error;
  }
}

/** A cancel pauses, unless whoever cancelled says otherwise. */
export function stateAfter(error: unknown, signal: AbortSignal): StoredJob['state'] {
  if (signal.aborted) return signal.reason instanceof JobStop ? signal.reason.state : 'paused';
  return error instanceof AppError && error.code === 'interrupted' ? 'paused' : 'failed';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // of a version that wrote none
  }
}
