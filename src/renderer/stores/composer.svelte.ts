/**
 * What is being written: the draft, which the core keeps from word to word, files that go along, documents that the
 * question points at.
 */
import type { ConversationId, FileOutcome } from '../../shared/model/index.ts';
import { upload } from '../lib/files.ts';
import { bridge } from '../lib/rpc.ts';
import { m } from '../paraglide/messages.js';
import { chat } from './chat.svelte.ts';
import { core } from './core.svelte.ts';

export interface Attachment {
  /** absolute path: what is handed to the core; '' while it is being handed over */
  readonly path: string;
  readonly name: string;
  readonly state: 'uploading' | 'queued' | 'reading' | 'read' | 'failed';
  /** 0..1 of what is being handed over or read; null = not known */
  readonly share: number | null;
  readonly reason: string | null;
}

/** ms of rest before a draft is kept */
const KEEP_AFTER_MS = 600;
/** of a conversation's own files (app/library.ts) */
const ATTACHED = 'attached:';
/** longer pastes become a file of their own */
export const LONG_PASTE = 8_000;

class Composer {
  text = $state('');
  /** not sent yet, and of the question that is being read */
  added = $state.raw<readonly Attachment[]>([]);
  /** of earlier questions of this conversation */
  attached = $state.raw<readonly Attachment[]>([]);
  /** paths in the library: passages for the next question come from these only */
  documents = $state.raw<readonly string[]>([]);
  /** the text was put in by something else than typing: the box takes it over */
  revision = $state(0);
  #keeping: ReturnType<typeof setTimeout> | undefined;
  #kept = '';
  /** whose draft it is; null: of a new chat */
  #id: ConversationId | null = null;
  #opened = 0;
  #draftTaken = true;
  #creating = false;
  /** counts questions that were sent */
  #sent = 0;

  /** Another conversation is shown: its own draft and files. @param opened `chat.opened` */
  follow(opened: number, id: ConversationId | null): void {
    if (opened === this.#opened) return;
    this.#opened = opened;
    void this.keep(false);
    this.#id = id;
    this.#kept = '';
    this.#draftTaken = id === null;
    this.added = [];
    this.attached = [];
    this.documents = [];
    this.write('');
    if (id !== null) void this.#loadAttached(id);
  }

  /** The new chat that is written in has become this conversation: what is typed from now on is its draft. */
  adopt(opened: number, id: ConversationId | null): void {
    if (opened === this.#opened && id !== null) this.#id = id;
  }

  /** The conversation has come: what was typed in it last, unless something was typed meanwhile. */
  takeDraft(draft: string): void {
    if (this.#draftTaken) return;
    this.#draftTaken = true;
    if (this.text !== '' || draft === '') return;
    this.#kept = draft;
    this.write(draft);
  }

  /** Puts a text into the box. */
  write(text: string): void {
    this.text = text;
    this.revision += 1;
  }

  typed(text: string): void {
    this.text = text;
    clearTimeout(this.#keeping);
    this.#keeping = setTimeout(() => void this.keep(), KEEP_AFTER_MS);
  }

  /** Keeps the draft now. @param staying false: another conversation is being opened */
  async keep(staying = true): Promise<void> {
    clearTimeout(this.#keeping);
    const { text } = this;
    if (text === this.#kept || this.#creating || core.status !== 'ready') return;
    const id = this.#id ?? (staying ? chat.id : null);
    if (staying && chat.turn !== null && id === null) return;
    this.#kept = text;
    if (id === null) await this.#createFor(text, staying);
    else await core.client.call('conversations.change', { id, draft: text }).catch(() => undefined);
  }

  /** What is typed becomes a question; the box is empty again. Returns what goes along. */
  take(): {
    readonly question: string;
    readonly add?: readonly string[];
    readonly documents?: readonly string[];
  } {
    clearTimeout(this.#keeping);
    this.#sent += 1;
    const question = this.text.trim();
    const paths = this.added.filter(({ state }) => state === 'queued').map(({ path }) => path);
    const documents = this.documents;
    this.#kept = '';
    this.documents = [];
    this.write('');
    this.added = this.added.map((one) =>
      one.state === 'queued' ? { ...one, state: 'reading', share: null } : one,
    );
    if (chat.id !== null && core.status === 'ready')
      void core.client.call('conversations.change', { id: chat.id, draft: '' }).catch(() => undefined);
    return {
      question,
      ...(paths.length === 0 ? {} : { add: paths }),
      ...(documents.length === 0 ? {} : { documents }),
    };
  }

  /** A question that was not saved comes back into the box, with its files. */
  giveBack(question: string): void {
    if (this.text === '') {
      this.write(question);
      this.typed(question);
    }
    this.added = this.added.map((one) => (one.state === 'reading' ? { ...one, state: 'queued' } : one));
  }

  /** @param paths absolute */
  addPaths(paths: readonly string[]): void {
    const fresh = paths.filter((path) => !this.added.some((one) => one.path === path));
    this.added = [...this.added, ...fresh.map((path) => ({ ...fileOf(path), state: 'queued' as const }))];
  }

  removeAdded(path: string): void {
    this.added = this.added.filter((one) => one.path !== path);
  }

  point(path: string): void {
    if (!this.documents.includes(path)) this.documents = [...this.documents, path];
  }

  unpoint(path: string): void {
    this.documents = this.documents.filter((one) => one !== path);
  }

  /** A long paste goes along as a file. In the desktop app, where pages write no files, it stays in the box. */
  async addText(text: string): Promise<boolean> {
    if (bridge !== undefined) return false;
    const name = `${m.chat_pasted_name()} ${new Date().toISOString().slice(11, 19).replaceAll(':', '-')}.txt`;
    const entry: Attachment = { path: name, name, state: 'uploading', share: null, reason: null };
    this.added = [...this.added, entry];
    try {
      const { path } = await upload(new Blob([text], { type: 'text/plain' }), name, crypto.randomUUID());
      this.added = this.added.map((one) => (one === entry ? { ...entry, path, state: 'queued' } : one));
      return true;
    } catch (error) {
      this.added = this.added.filter((one) => one !== entry);
      throw error;
    }
  }

  /** The turn's files were read, or its progress says how far they are. */
  reading(share: number | null): void {
    this.added = this.added.map((one) => (one.state === 'reading' ? { ...one, share } : one));
  }

  async settled(id: ConversationId): Promise<void> {
    this.added = this.added.filter(({ state }) => state !== 'reading');
    await this.#loadAttached(id);
  }

  /** @param adopt the new chat is still shown: from now on it is this conversation */
  async #createFor(draft: string, adopt: boolean): Promise<void> {
    if (draft.trim() === '') return;
    const sent = this.#sent;
    this.#creating = true;
    try {
      const { library, newModel } = chat;
      const made = await core.client.call('conversations.create', library === null ? {} : { library });
      // Sent meanwhile, it has a conversation of its own; one without messages and draft is not shown.
      if (this.#sent !== sent) return;
      const conversation = await core.client.call('conversations.change', {
        id: made.id,
        draft,
        ...(newModel === null ? {} : { model: newModel }),
      });
      if (this.#sent !== sent) await core.client.call('conversations.change', { id: made.id, draft: '' });
      else if (adopt && chat.id === null && chat.turn === null) chat.adopt(conversation);
    } catch {
      this.#kept = ''; // it stays in the box, and is tried again with the next word
    } finally {
      this.#creating = false;
    }
  }

  /** Files of a conversation are a library of their own; most conversations have none. */
  async #loadAttached(id: ConversationId): Promise<void> {
    const details = await core.client.call('library.show', { name: ATTACHED + id }).catch(() => null);
    if (chat.id !== id) return;
    this.attached = (details?.list ?? []).map(({ path, outcome, reason }) => ({
      ...fileOf(path),
      state: stateOf(outcome),
      reason,
    }));
  }
}

function fileOf(path: string): Attachment {
  const name = path.split(/[\\/]/).findLast((part) => part !== '') ?? path;
  return { path, name, state: 'queued', share: null, reason: null };
}

function stateOf(outcome: FileOutcome): Attachment['state'] {
  return outcome === 'read' || outcome === 'partly' ? 'read' : 'failed';
}

export const composer = new Composer();
