/** A data folder as heavy users have them: a database of a gigabyte, hundreds of conversations, one of 5,000 messages. */
import { createHash } from 'node:crypto';
import { copyFileSync, linkSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ContentHash } from '../../src/shared/model/index.ts';
import { openStore } from '../../src/main/store/index.ts';
import type { Store } from '../../src/main/store/index.ts';

export const LONG_CHAT = 'A chat of five thousand messages';
export const LONG_ANSWER = 'An answer of a megabyte';
/** last words of these two, to wait for */
export const LAST_WORDS = 'These are the last words of it.';

export interface Sizes {
  readonly databaseMB: number;
  readonly conversations: number;
  readonly longChat: number;
  readonly files: number;
}

/** Fills `folder`; the model is linked in, or copied where it can't be. */
export async function fillDataFolder(folder: string, modelPath: string, sizes: Sizes): Promise<void> {
  mkdirSync(join(folder, 'models'), { recursive: true });
  const model = join(folder, 'models', basename(modelPath));
  try {
    linkSync(modelPath, model);
  } catch {
    copyFileSync(modelPath, model);
  }
  const store = await openStore({ dataFolder: folder });
  try {
    await addConversations(store, sizes);
    await addDocuments(store, sizes.databaseMB * 1e6);
    await store.setSetting('app.welcomed', 'true');
  } finally {
    await store.close();
  }
}

/** Files of a few lines each, in folders of 100, as a tree of source code has them. Returns their folder. */
export function writeManyFiles(folder: string, files: number): string {
  for (let i = 0; i < files; i++) {
    const inner = join(
      folder,
      `part-${String(Math.floor(i / 10_000))}`,
      `group-${String(Math.floor(i / 100))}`,
    );
    if (i % 100 === 0) mkdirSync(inner, { recursive: true });
    writeFileSync(join(inner, `file-${String(i)}.ts`), `export const value${String(i)} = ${String(i)};\n`);
  }
  return folder;
}

async function addConversations(store: Store, sizes: Sizes): Promise<void> {
  for (let i = 0; i < sizes.conversations; i++)
    await addChat(store, `Conversation ${String(i)}`, 4, paragraph);
  await addChat(store, LONG_ANSWER, 2, (i) => (i === 1 ? longAnswer() : paragraph(i)));
  await addChat(store, LONG_CHAT, sizes.longChat, (i) =>
    i === sizes.longChat - 1 ? `${paragraph(i)}\n\n${LAST_WORDS}` : paragraph(i),
  );
}

async function addChat(
  store: Store,
  title: string,
  count: number,
  text: (i: number) => string,
): Promise<void> {
  const { id } = await store.createConversation({ title, libraryId: null, systemPrompt: '' });
  let parentId = null;
  for (let i = 0; i < count; i++) {
    const role = i % 2 === 0 ? 'user' : 'assistant';
    // Not awaited one by one, the store would still put them in order; awaited, each has its parent's id.
    const message = await store.addMessage({
      conversationId: id,
      parentId,
      role,
      content: text(i),
      status: 'done',
    });
    parentId = message.id;
  }
}

function paragraph(i: number): string {
  return `Paragraph ${String(i)} says **something** about \`value${String(i)}\`: ${'plain words follow here, '.repeat(12)}and it ends.`;
}

function longAnswer(): string {
  const parts: string[] = [];
  for (let i = 0, length = 0; length < 1e6; i++) {
    const part = i % 7 === 3 ? `\`\`\`ts\nconst value = ${String(i)};\n\`\`\`` : paragraph(i);
    parts.push(part);
    length += part.length + 2;
  }
  return [...parts, LAST_WORDS].join('\n\n');
}

/** Texts without passages: they fill the file, and no index of them has to be built for it. */
async function addDocuments(store: Store, bytes: number): Promise<void> {
  const size = 8e6;
  for (let done = 0; done < bytes; done += size) {
    const text = `Document ${String(done)}.\n${'All work and no play makes a long document of many lines.\n'.repeat(size / 58)}`;
    const hash = createHash('sha256').update(text).digest('hex') as ContentHash;
    const document = { hash, kind: 'text', title: null, text, sections: [], outcome: 'read' as const };
    await store.putDocument({ ...document, reason: null, extractorVersion: 0 }, []);
  }
}

export function databaseMB(folder: string): number {
  return Math.round(statSync(join(folder, 'longleaf.db')).size / 1e6);
}
