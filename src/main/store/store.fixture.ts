/** What the tests of the store share: a fresh store per test, and small documents and libraries. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ContentHash, ConversationId, MessageId, Passage } from '../../shared/model/index.ts';
import { openStore, type Store, type StoredDocument } from './index.ts';

/** `open` before and `close` after each test: a store in a new folder. */
export class StoreFixture {
  dataFolder = '';
  #store: Store | undefined;

  get store(): Store {
    if (this.#store === undefined) throw new Error('no store is open');
    return this.#store;
  }

  async open(): Promise<void> {
    this.dataFolder = await mkdtemp(join(tmpdir(), 'longleaf-store-'));
    this.#store = await openStore({ dataFolder: this.dataFolder });
  }

  async reopen(): Promise<void> {
    await this.store.close();
    this.#store = await openStore({ dataFolder: this.dataFolder });
  }

  async close(): Promise<void> {
    await this.store.close();
    await rm(this.dataFolder, { recursive: true, force: true });
  }
}

export const hashOf = (digit: string): ContentHash => digit.repeat(64).slice(0, 64) as ContentHash;

export function documentOf(hash: ContentHash, parts: readonly (string | [string, ...string[]])[]) {
  const passages: Passage[] = [];
  let text = '';
  for (const part of parts) {
    const [piece, ...defines] = typeof part === 'string' ? [part] : part;
    const start = text.length;
    text += piece;
    passages.push({
      documentHash: hash,
      index: passages.length,
      start,
      end: text.length,
      lineStart: passages.length + 1,
      lineEnd: passages.length + 1,
      section: 'one',
      defines,
    });
  }
  const document: StoredDocument = {
    hash,
    kind: 'text',
    title: 'T',
    text,
    sections: [{ start: 0, end: text.length, headings: ['one'] }],
    outcome: 'read',
    reason: null,
    extractorVersion: 1,
  };
  return { document, passages };
}

export const fileOf = (ordinal: number, path: string, hash: ContentHash | null) => ({
  ordinal,
  path,
  absolutePath: `/books/${path}`,
  outcome: hash === null ? ('skipped' as const) : ('read' as const),
  reason: hash === null ? 'binary' : null,
  bytes: 12,
  mtimeMs: 1.5,
  hash,
  tokens: 3,
  readAs: path,
});

export async function libraryOf(
  store: Store,
  name: string,
  files: readonly (readonly [string, ContentHash | null])[],
) {
  const library = await store.createLibrary({ name, roots: ['/books'], read: 'auto' });
  const version = await store.beginVersion(library.id);
  await store.putVersionFiles(
    version,
    files.map(([path, hash], ordinal) => fileOf(ordinal, path, hash)),
  );
  await store.commitVersion(library.id, version);
  return { library, version };
}

export const newConversation = (store: Store, title = 'A talk') =>
  store.createConversation({ title, libraryId: null, systemPrompt: 'Be brief.' });

export function say(
  store: Store,
  conversationId: ConversationId,
  content: string,
  parentId: MessageId | null = null,
) {
  return store.addMessage({ conversationId, parentId, role: 'user', content, status: 'done' });
}
