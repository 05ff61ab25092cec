/** What buttons and shortcuts of the chat do alike. */
import type { Message } from '../../shared/model/index.ts';
import { withoutNote } from '../lib/answer-note.ts';
import { blocksOf } from '../lib/markdown/blocks.ts';
import { m } from '../paraglide/messages.js';
import { chat } from './chat.svelte.ts';
import { composer } from './composer.svelte.ts';
import { ui } from './ui.svelte.ts';

/** The answer as Markdown, with its sources as footnotes. */
export async function copyAnswer(message: Message): Promise<void> {
  const notes = (message.citations ?? []).map(
    ({ path, quote }, index) => `[${String(index + 1)}] ${path}: “${quote.replace(/\s+/g, ' ')}”`,
  );
  const text = [withoutNote(message.content), ...(notes.length === 0 ? [] : [notes.join('\n')])].join('\n\n');
  await copyText(text);
}

export function copyLastAnswer(): void {
  const answer = chat.branch.findLast(({ role }) => role === 'assistant');
  if (answer !== undefined) void copyAnswer(answer);
}

export function copyLastCode(): void {
  for (const { role, content } of chat.branch.toReversed()) {
    const code = role === 'assistant' ? blocksOf(content).findLast(({ kind }) => kind === 'code') : undefined;
    if (code?.kind === 'code') return void copyText(code.text);
  }
}

async function copyText(text: string): Promise<void> {
  await ui.attempt(async () => {
    await navigator.clipboard.writeText(text);
    ui.toast(m.copied());
  });
}

/** The question in the box, with what goes along; a question that could not be saved comes back into the box. */
export async function sendMessage(): Promise<void> {
  if (composer.text.trim() === '' || chat.turn !== null) return;
  if (composer.added.some(({ state }) => state === 'uploading')) return;
  const { question, add, documents } = composer.take();
  const before = chat.messages.length;
  await chat.ask({
    question,
    ...(add === undefined ? {} : { add: [...add] }),
    ...(documents === undefined ? {} : { documents: [...documents] }),
  });
  if (chat.messages.length === before && chat.overflow === null) composer.giveBack(question);
  else if (chat.id !== null && add !== undefined) await composer.settled(chat.id);
}

/** @param step -1 = the branch before, of the last message that has several */
export function showBranch(step: 1 | -1): void {
  const message = chat.branch.findLast(({ id }) => chat.siblings.has(id));
  if (message !== undefined) void ui.attempt(() => chat.showSibling(message, step));
}
