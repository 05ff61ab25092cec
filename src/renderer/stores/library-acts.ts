/** What can be done with a library from several places: its row, its page. */
import { m } from '../paraglide/messages.js';
import { chat } from './chat.svelte.ts';
import { confirmed } from './confirm.svelte.ts';
import { core } from './core.svelte.ts';
import { libraries } from './libraries.svelte.ts';
import { ui } from './ui.svelte.ts';

/** A new chat that draws on the library. */
export async function askAbout(name: string): Promise<void> {
  await chat.open(null);
  chat.library = name;
  ui.show({ kind: 'chat', id: null });
}

/** The document at a token of the library, at that place: the share of its tokens is taken for the share of its text. */
export async function openDocumentAt(name: string, token: number): Promise<void> {
  const [found] = await libraries.documentsIn(name, token, token + 1);
  if (found === undefined) return;
  const { length } = await core.client.call('library.document', { name, path: found.path, length: 1 });
  const start = Math.floor(((token - found.start) / Math.max(1, found.tokens)) * length);
  ui.show({ kind: 'library', name, path: found.path, start, end: start });
}

/** After a question: index and state go, the files themselves and all conversations stay. */
export async function removeLibrary(name: string): Promise<void> {
  const yes = await confirmed({
    title: m.library_remove_title({ name }),
    text: m.library_remove_text(),
    action: m.library_remove(),
    danger: true,
  });
  if (yes) await ui.attempt(() => libraries.remove(name));
}

/** Looks for changed files now, and says so when there are none. */
export async function checkNow(name: string): Promise<void> {
  await ui.attempt(async () => {
    ui.toast(m.library_checking({ name }));
    await libraries.check(name, performance.now(), true);
    if (!libraries.changes.has(name)) ui.toast(m.library_nothing_changed({ name }));
    else ui.show({ kind: 'library', name });
  });
}
