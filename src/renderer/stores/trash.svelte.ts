/** What lies in the trash: conversations, for 30 days. */
import type { ConversationId } from '../../shared/model/index.ts';
import type { ConversationSummary } from '../../shared/rpc/index.ts';
import { core } from './core.svelte.ts';
import { ui } from './ui.svelte.ts';

/** days that a conversation stays in it */
export const KEPT_DAYS = 30;

class Trash {
  list = $state.raw<readonly ConversationSummary[]>([]);
  loaded = $state(false);

  constructor() {
    core.listen((event) => {
      if (event.kind === 'conversations' && this.loaded) void this.load();
    });
  }

  async load(): Promise<void> {
    await ui.attempt(async () => {
      this.list = await core.client.call('conversations.list', { trashed: true, limit: 10_000 });
      this.loaded = true;
    });
  }

  async restore(id: ConversationId): Promise<void> {
    await ui.attempt(() => core.client.call('conversations.restore', { id }));
    await this.load();
  }

  /** @param id absent: everything */
  async purge(id?: ConversationId): Promise<void> {
    await ui.attempt(() => core.client.call('conversations.purge', id === undefined ? {} : { id }));
    await this.load();
  }
}

export const trash = new Trash();
