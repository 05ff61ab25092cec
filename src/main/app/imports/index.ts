/** Conversations of other apps, and our own exports, into the store. What is broken is reported, the rest is taken. */
import { AppError } from '../../../shared/errors.ts';
import type { Conversation, FolderId } from '../../../shared/model/index.ts';
import type { ConversationSummary, ImportReport } from '../../../shared/rpc/index.ts';
import type { Store } from '../../store/index.ts';
import type { ConversationTree } from '../exports/index.ts';
import { chatgptId, fromChatgpt } from './chatgpt.ts';
import { fromClaude } from './claude.ts';
import { detect, type FoundItems } from './detect.ts';
import { fingerprint } from './fingerprint.ts';
import { recordOf, wordsOf, type Json } from './json-values.ts';
import { fromLongleaf } from './longleaf.ts';
import { fromOpenWebui } from './open-webui.ts';
import { readJsonFile } from './read-file.ts';
import { treeOf } from './tree.ts';

type From = ImportReport['from'];

interface ReadConversation {
  readonly tree: ConversationTree;
  /** of the conversation in the app that it comes from; null = it has none there */
  readonly sourceId: string | null;
}

/**
 * Reads a file of conversations and saves those that are not here yet.
 * @throws AppError 'not-found', 'invalid-input', 'unsupported' when there is nothing in it that can be read
 */
export async function importConversations(store: Store, file: string): Promise<ImportReport> {
  const found = findItems(await readJsonFile(file));
  const work = new Import(store, found.from);
  for (const item of found.items) await work.take(item);
  await store.sortConversations();
  return work.report();
}

/** One archive may hold several files, of which some are no conversations. */
function findItems(values: readonly unknown[]): FoundItems {
  const found: FoundItems[] = [];
  let first: unknown;
  for (const value of values) {
    try {
      found.push(detect(value));
    } catch (error) {
      first ??= error;
    }
  }
  const from = found[0]?.from;
  if (from === undefined) throw first;
  return { from, items: found.filter((part) => part.from === from).flatMap((part) => part.items) };
}

/** One conversation of a file as a tree of ours. @throws AppError with the reason */
export function readConversation(from: From, item: unknown): ReadConversation {
  const raw = recordOf(item);
  if (from === 'longleaf') {
    const tree = fromLongleaf(item);
    return { tree, sourceId: tree.conversation.id };
  }
  if (from === 'chatgpt') return { tree: treeOf(fromChatgpt(raw)), sourceId: chatgptId(raw) };
  if (from === 'claude') return { tree: treeOf(fromClaude(raw)), sourceId: wordsOf(raw['uuid']) };
  return { tree: treeOf(fromOpenWebui(raw)), sourceId: wordsOf(raw['id']) };
}

class Import {
  readonly #store: Store;
  readonly #from: From;
  readonly #added: ConversationSummary[] = [];
  readonly #failed: { title: string; reason: string }[] = [];
  #folders: Map<string, FolderId> | null = null;
  #unchanged = 0;

  constructor(store: Store, from: From) {
    this.#store = store;
    this.#from = from;
  }

  async take(item: unknown): Promise<void> {
    try {
      await this.#take(readConversation(this.#from, item));
    } catch (error) {
      if (error instanceof AppError && error.code === 'disk-full') throw error;
      const reason = error instanceof Error ? error.message : String(error);
      this.#failed.push({ title: titleOf(recordOf(item)), reason });
    }
  }

  report(): ImportReport {
    return {
      from: this.#from,
      conversations: this.#added,
      unchanged: this.#unchanged,
      failed: this.#failed,
    };
  }

  async #take({ tree, sourceId }: ReadConversation): Promise<void> {
    const hash = fingerprint(tree);
    const source = { source: this.#from, id: sourceId ?? hash, hash };
    const before = await this.#store.importedFrom(source);
    const here =
      before === null ? await this.#original(tree) : await this.#store.conversation(before.conversationId);
    const same = here !== null && (before?.hash ?? (await this.#fingerprintOf(here))) === hash;
    if (same) return this.#keep(here, tree);
    const library = tree.library === null ? null : await this.#store.library(tree.library);
    const conversation = await this.#store.importConversation({
      conversation: {
        ...tree.conversation,
        libraryId: library?.id ?? null,
        folderId: tree.folder === null ? null : await this.#folder(tree.folder),
        deletedAt: null,
      },
      messages: tree.messages,
      source,
    });
    this.#added.push({ conversation, messages: tree.messages.length, library: library?.name ?? null });
    await this.#replaced(here, before?.hash ?? null);
  }

  /** our own export where the conversation itself is still here */
  async #original(tree: ConversationTree): Promise<Conversation | null> {
    return this.#from === 'longleaf' ? this.#store.conversation(tree.conversation.id) : null;
  }

  /** It is here already; out of the trash it comes back, since that is what was asked for. */
  async #keep(here: Conversation, tree: ConversationTree): Promise<void> {
    if (here.deletedAt === null) {
      this.#unchanged++;
      return;
    }
    await this.#store.restoreConversation(here.id);
    const conversation = (await this.#store.conversation(here.id)) ?? here;
    this.#added.push({ conversation, messages: tree.messages.length, library: tree.library });
  }

  /** What was imported earlier and never touched here makes way for its newer self; it can be had from the trash. */
  async #replaced(here: Conversation | null, importedAs: string | null): Promise<void> {
    if (here === null || importedAs === null || here.deletedAt !== null) return;
    if ((await this.#fingerprintOf(here)) === importedAs) await this.#store.trashConversation(here.id);
  }

  async #fingerprintOf(conversation: Conversation): Promise<string> {
    const messages = await this.#store.messages(conversation.id);
    return fingerprint({ conversation, messages, library: null, folder: null });
  }

  async #folder(name: string): Promise<FolderId | null> {
    const wanted = name.trim().slice(0, 200);
    if (wanted === '') return null;
    this.#folders ??= new Map((await this.#store.folders()).map((folder) => [folder.name, folder.id]));
    const id = this.#folders.get(wanted) ?? (await this.#store.createFolder(wanted)).id;
    this.#folders.set(wanted, id);
    return id;
  }
}

function titleOf(item: Json): string {
  const inner = [item, recordOf(item['conversation']), recordOf(item['chat'])];
  const found = inner
    .map((part) => wordsOf(part['title']) ?? wordsOf(part['name']))
    .find((title) => title !== null);
  return (found ?? 'Untitled').slice(0, 200).toWellFormed();
}
