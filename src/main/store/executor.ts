/**
 * Runs the store's calls. Calls that wait at the same time share one transaction, hence one sync of the disk
 * (group commit): nothing is answered before it is durable, and thousands of small writes are quick all the same.
 */
import { toWire, type AppError } from '../../shared/errors.ts';
import type { Db } from './database.ts';
import { isDiskFull } from './errors.ts';
import type { Call, Reply } from './protocol.ts';
import type { SyncStore } from './sync-store.ts';

/** calls in one transaction */
const maxGroup = 64;

/** can't run inside a transaction, or take long */
const alone: ReadonlySet<keyof SyncStore> = new Set<keyof SyncStore>(['health', 'close']);
/** what the user has written or is being told: these may use up the disk's reserve */
const mayUseReserve: ReadonlySet<keyof SyncStore> = new Set<keyof SyncStore>([
  'createConversation',
  'updateConversation',
  'showBranch',
  'trashConversation',
  'restoreConversation',
  'createFolder',
  'renameFolder',
  'addMessage',
  'updateAnswer',
  'setPassagesText',
]);

export interface ExecutorOptions {
  readonly db: Db;
  readonly store: SyncStore;
  readonly classify: (error: unknown) => AppError;
  /** gives up the reserve file; true when there was one */
  readonly releaseReserve: () => boolean;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

export class Executor {
  readonly #options: ExecutorOptions;

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  /** Answers every call, in order. */
  run(calls: readonly Call[]): Reply[] {
    const replies: Reply[] = [];
    for (let from = 0; from < calls.length;) {
      const group = groupFrom(calls, from);
      for (const reply of this.#runGroup(group)) replies.push(reply);
      from += group.length;
    }
    return replies;
  }

  #runGroup(group: readonly Call[]): Reply[] {
    const first = group[0];
    if (group.length === 1 && first !== undefined) return [this.#runAlone(first)];
    const { db } = this.#options;
    try {
      // no savepoint between them (see `atomically`): one that fails undoes the whole group
      const values = db.transaction(() => group.map((call) => this.#work(call)))();
      return group.map((call, index) => this.#reply(call, { value: values[index] }));
    } catch {
      // nothing was committed and nobody has an answer yet: each for itself, so that only the failing one fails
      return group.map((call) => this.#runAlone(call));
    }
  }

  #runAlone(call: Call): Reply {
    let outcome = this.#attempt(call);
    if ('error' in outcome && isDiskFull(outcome.error) && mayUseReserve.has(call.method))
      if (this.#options.releaseReserve()) outcome = this.#attempt(call);
    return this.#reply(call, outcome);
  }

  #attempt(call: Call): Outcome {
    const { db } = this.#options;
    const work = (): unknown => this.#work(call);
    try {
      return { value: alone.has(call.method) ? work() : db.transaction(work)() };
    } catch (error) {
      return { error };
    }
  }

  #work({ method, args }: Call): unknown {
    return Reflect.apply(this.#options.store[method], undefined, args) as unknown;
  }

  #reply(call: Call, outcome: Outcome): Reply {
    if ('value' in outcome) return { kind: 'value', id: call.id, value: outcome.value };
    return { kind: 'error', id: call.id, error: toWire(this.#options.classify(outcome.error)) };
  }
}

function groupFrom(calls: readonly Call[], from: number): readonly Call[] {
  const first = calls[from];
  if (first === undefined || alone.has(first.method)) return calls.slice(from, from + 1);
  let end = from + 1;
  while (end < calls.length && end - from < maxGroup) {
    const next = calls[end];
    if (next === undefined || alone.has(next.method)) break;
    end++;
  }
  return calls.slice(from, end);
}
