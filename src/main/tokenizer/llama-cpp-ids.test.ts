import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openGguf } from '../formats/index.ts';
import { createTokenizer } from './index.ts';

const dataFolder = process.env['LONGLEAF_DATA'] ?? join(homedir(), '.local/share/longleaf');
const model = process.env['LONGLEAF_MODEL'] ?? join(dataFolder, 'models/SmolLM2-135M-Instruct.Q4_1.gguf');
const data = process.env['LONGLEAF_TEST_DATA'] ?? join(import.meta.dirname, '../../../../shared/data');
const missing = !existsSync(model) || !existsSync(data);
const reason = missing ? ' (skipped: no default model or no test data)' : '';

/** Texts in many scripts, valid and not, code, and random code points with all kinds of spaces. */
function mixedTexts(): string[] {
  const files = ['chardet', 'blns', 'utf8', 'commonmark', 'jsontestsuite/test_parsing'].flatMap((folder) =>
    readdirSync(join(data, folder), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    ),
  );
  const texts = files.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
  let state = 7;
  const random = (below: number): number => (state = (state * 48_271) % 0x7fffffff) % below;
  const spaces = [' ', '\n', '\t', '\r\n', '\u3000', '\u0085', '\uFEFF', '  '];
  const kinds = [
    () => String.fromCodePoint(0x20 + random(95)),
    () => spaces[random(spaces.length)],
    () => String.fromCodePoint(0x80 + random(0x700)),
    () => String.fromCodePoint(0x800 + random(0xd000)),
    () => String.fromCodePoint(0x1f300 + random(0x400)),
  ];
  for (let i = 0; i < 100; i++)
    texts.push(Array.from({ length: 400 }, () => kinds[random(kinds.length)]()).join(''));
  // llama.cpp's interface ends a text at NUL.
  return texts.map((text) => text.replaceAll('\0', '').toWellFormed());
}

describe.skipIf(missing)(`SmolLM2${reason}`, () => {
  it('gives the ids of llama.cpp on a large mixed text', async () => {
    const { getLlama, LlamaLogLevel } = await import('node-llama-cpp');
    const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error });
    const peer = await llama.loadModel({ modelPath: model, vocabOnly: true });
    const file = await openGguf(model);
    await file.close();
    const tokenizer = createTokenizer(file.metadata);
    let tokens = 0;
    for (const text of mixedTexts()) {
      const ids = tokenizer.encode(text);
      tokens += ids.length;
      const theirs = peer.tokenize(text, false, 'trimLeadingSpace');
      if (ids.length !== theirs.length || ids.some((id, i) => id !== theirs[i]))
        expect([...ids], text.slice(0, 200)).toEqual(theirs);
    }
    expect(tokens).toBeGreaterThan(500_000);
    await llama.dispose();
  });
});
