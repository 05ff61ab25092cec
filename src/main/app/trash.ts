/** The trash: conversations stay in it for 30 days, and are gone for good then. */
import { AppError } from '../../shared/errors.ts';
import type { Conversation, ConversationId } from '../../shared/model/index.ts';
import type { Handlers } from '../../shared/rpc/index.ts';
import type { Store } from '../store/index.ts';
import type { AppEvents } from './events.ts';
import { ATTACHED } from './library.ts';

const DAY_MS = 86_400_000;
const KEPT_MS = 30 * DAY_MS;
/** A new chat that nobody used: a page may still show it for a while. */
const EMPTY_KEPT_MS = 7 * DAY_MS;

export interface TrashConfig {
  readonly store: Store;
  readonly events: AppEvents;
  /** removes what was attached to a conversation */
  readonly libraries: { remove(name: string): Promise<void> };
  /** whether an answer is being written into it */
  readonly isAnswering: (id: ConversationId) => boolean;
}

export class Trash {
  readonly #config: TrashConfig;

  constructor(config: TrashConfig) {
    this.#config = config;
  }

  /** @throws AppError 'not-found' */
  async add(id: ConversationId): Promise<void> {
    await this.#config.store.trashConversation(id);
    this.#changed();
  }

  /** @throws AppError 'not-found' */
  async restore(id: ConversationId): Promise<Conversation> {
    await this.#config.store.restoreConversation(id);
    this.#changed();
    const conversation = await this.#config.store.conversation(id);
    if (conversation === null) throw new AppError('not-found', `There is no conversation ${id}.`);
    return conversation;
  }

  /** One of the trash, or all in it, for good. @throws AppError 'not-found', 'conflict' (not in the trash), 'busy' */
  async purge(id?: ConversationId): Promise<number> {
    const { store, isAnswering } = this.#config;
    if (id !== undefined && isAnswering(id))
      throw new AppError('busy', 'An answer is being written into it.', 'Stop the answer, then try again.');
    const ids = id === undefined ? await store.trashed() : [id];
    return this.#purge(ids.filter((one) => !isAnswering(one)));
  }

  /** What has been in it for 30 days, and chats that were never used. @param now ms since the epoch */
  async purgeExpired(now: number = Date.now()): Promise<number> {
    const { store } = this.#config;
    await store.dropEmptyConversations(new Date(now - EMPTY_KEPT_MS).toISOString());
    return this.#purge(await store.trashed(new Date(now - KEPT_MS).toISOString()));
  }

  async #purge(ids: readonly ConversationId[]): Promise<number> {
    const { store, libraries } = this.#config;
    for (const id of ids) {
      // first, so that a kill in between leaves nothing behind that nobody can reach
      const attached = `${ATTACHED}${id}`;
      if ((await store.library(attached)) !== null) await libraries.remove(attached);
      await store.purgeConversation(id);
    }
    if (ids.length > 0) this.#changed();
    return ids.length;
  }

  #changed(): void {
    this.#config.events.emit({ kind: 'conversations' });
  }
}

export function trashHandlers(
  trash: Trash,
): Pick<Handlers, 'conversations.delete' | 'conversations.restore' | 'conversations.purge'> {
  return {
    'conversations.delete': async ({ id }) => {
      await trash.add(id);
      return { deleted: true };
    },
    'conversations.restore': ({ id }) => trash.restore(id),
    'conversations.purge': async ({ id }) => ({ purged: await trash.purge(id) }),
  };
}
