/** The conversations and folders of the sidebar: pinned first, then the latest. */
import type { ConversationId, Folder, FolderId } from '../../shared/model/index.ts';
import type { ArgsInput, ConversationSummary, SearchHit } from '../../shared/rpc/index.ts';
import { core } from './core.svelte.ts';
import { ui } from './ui.svelte.ts';
import { m } from '../paraglide/messages.js';

/** conversations fetched at a time */
const PAGE = 2_000;
/** ms: several changes in a row are fetched once */
const SETTLE_MS = 80;
const MOST_HITS = 100;

class Conversations {
  list = $state.raw<readonly ConversationSummary[]>([]);
  folders = $state.raw<readonly Folder[]>([]);
  /** how many lie in the trash */
  trashed = $state(0);
  loaded = $state(false);
  /** those whose answer is being written now, by whomever */
  answering = $state.raw<ReadonlySet<ConversationId>>(new Set());
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    core.whenReady(() => void ui.attempt(() => this.load()));
    core.listen((event) => {
      if (event.kind === 'answering') this.answering = new Set(event.conversations);
      if (event.kind !== 'conversations') return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.load().catch(() => undefined), SETTLE_MS);
    });
  }

  find(id: ConversationId): ConversationSummary | undefined {
    return this.list.find(({ conversation }) => conversation.id === id);
  }

  async load(): Promise<void> {
    const { client } = core;
    const [folders, trash, first] = await Promise.all([
      client.call('folders.list', {}),
      client.call('conversations.list', { trashed: true, limit: 1_000 }),
      client.call('conversations.list', { limit: PAGE }),
    ]);
    const all = [...first];
    while (all.length > 0 && all.length % PAGE === 0) {
      const next = await client.call('conversations.list', { limit: PAGE, offset: all.length });
      if (next.length === 0) break;
      all.push(...next);
    }
    this.folders = folders;
    this.trashed = trash.length;
    this.list = all;
    this.loaded = true;
  }

  async change(id: ConversationId, patch: Omit<ArgsInput<'conversations.change'>, 'id'>): Promise<void> {
    const conversation = await core.client.call('conversations.change', { id, ...patch });
    this.list = this.list.map((one) => (one.conversation.id === id ? { ...one, conversation } : one));
  }

  /** To the trash; the toast takes it back. */
  async remove(id: ConversationId): Promise<void> {
    const title = this.find(id)?.conversation.title ?? '';
    await core.client.call('conversations.delete', { id });
    this.list = this.list.filter(({ conversation }) => conversation.id !== id);
    this.trashed += 1;
    const { view } = ui;
    if (view.kind === 'chat' && view.id === id) ui.show({ kind: 'chat', id: null });
    ui.toast(m.chat_in_trash({ title }), () => void ui.attempt(() => this.#takeBack(id)));
  }

  async #takeBack(id: ConversationId): Promise<void> {
    await core.client.call('conversations.restore', { id });
    await this.load();
    ui.show({ kind: 'chat', id });
  }

  async createFolder(name: string): Promise<Folder> {
    const folder = await core.client.call('folders.create', { name });
    this.folders = [...this.folders, folder];
    return folder;
  }

  async renameFolder(id: FolderId, name: string): Promise<void> {
    const folder = await core.client.call('folders.rename', { id, name });
    this.folders = this.folders.map((one) => (one.id === id ? folder : one));
  }

  async removeFolder(id: FolderId): Promise<void> {
    await core.client.call('folders.remove', { id });
    await this.load();
  }

  search(query: string): Promise<readonly SearchHit[]> {
    return core.client.call('conversations.search', { query, limit: MOST_HITS });
  }
}

export const conversations = new Conversations();
