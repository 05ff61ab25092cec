/** The tokenizer of the tiny model (one token per byte), with a template of the test's own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGguf } from '../formats/index.ts';
import { encodeTinyLlama } from '../formats/testing/index.ts';
import type { ChatTemplate, Tokenizer } from '../tokenizer/index.ts';
import { createChatTemplate, createTokenizer } from '../tokenizer/index.ts';

export async function openTinyTokenizer(
  template: string,
): Promise<{ tokenizer: Tokenizer; template: ChatTemplate }> {
  const folder = await mkdtemp(join(tmpdir(), 'longleaf-prompt-'));
  try {
    const path = join(folder, 'tiny.gguf');
    await writeFile(path, encodeTinyLlama());
    const file = await openGguf(path);
    const metadata = new Map<string, unknown>([...file.metadata, ['tokenizer.chat_template', template]]);
    await file.close();
    return { tokenizer: createTokenizer(metadata), template: createChatTemplate(metadata) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
