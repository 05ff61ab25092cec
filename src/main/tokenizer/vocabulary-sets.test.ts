import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openGguf } from '../formats/index.ts';
import { createTokenizer } from './index.ts';
import type { Tokenizer } from './index.ts';

const data = process.env['LONGLEAF_TEST_DATA'] ?? join(import.meta.dirname, '../../../../shared/data');
const folder = join(data, 'llama-vocab');
const missing = !existsSync(folder);
const reason = missing ? ' (skipped: no test data; set LONGLEAF_TEST_DATA)' : '';
const sets = missing ? [] : readdirSync(folder).filter((name) => name.endsWith('.gguf'));

async function load(set: string): Promise<Tokenizer> {
  const file = await openGguf(join(folder, set));
  await file.close();
  return createTokenizer(file.metadata);
}

function readAll(...folders: string[]): { name: string; text: string }[] {
  return folders.flatMap((name) =>
    readdirSync(join(data, name), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => ({ name: path, text: readFileSync(path, 'utf8') })),
  );
}

describe.skipIf(missing)(`the vocabularies of data/llama-vocab${reason}`, () => {
  const readable = sets.filter((set) => !set.includes('bert'));

  it.each(readable)('%s: 46 texts give the ids of llama.cpp, and come back', async (set) => {
    const tokenizer = await load(set);
    const texts = readFileSync(join(folder, `${set}.inp`), 'utf8')
      .split('\n__ggml_vocab_test__\n')
      .slice(0, 46);
    const lines = readFileSync(join(folder, `${set}.out`), 'utf8')
      .split('\n')
      .slice(0, 46);
    expect(texts).toHaveLength(46);
    texts.forEach((text, index) => {
      const expected = lines[index].trim().split(/\s+/).filter(Boolean).map(Number);
      const ids = tokenizer.encode(text);
      expect([...ids], JSON.stringify(text)).toEqual(expected);
      expect(tokenizer.decode(ids)).toBe(text);
    });
  });

  it('WordPiece is refused by name', async () => {
    await expect(load('ggml-vocab-bert-bge.gguf')).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('"bert"') as unknown,
    });
  });

  it.each(['ggml-vocab-gpt-2.gguf', 'ggml-vocab-deepseek-coder.gguf', 'ggml-vocab-llama-spm.gguf'])(
    '%s: naughty strings, invalid UTF-8, CJK and emoji come back, whole and token by token',
    async (set) => {
      const tokenizer = await load(set);
      for (const { name, text } of readAll('blns', 'utf8', 'chardet/utf-8', 'commonmark')) {
        const ids = tokenizer.encode(text);
        expect(tokenizer.decode(ids) === text, name).toBe(true);
        const decoder = tokenizer.decoder();
        const pieces = Array.from(ids, (id) => decoder.push(id));
        expect(pieces.join('') + decoder.end() === text, name).toBe(true);
        // A piece never ends inside a character.
        expect(pieces.every((piece) => piece.isWellFormed())).toBe(true);
      }
    },
  );

  it('SentencePiece: words by themselves give the ids of the whole text', async () => {
    const file = await openGguf(join(folder, 'ggml-vocab-llama-spm.gguf'));
    await file.close();
    const tokens = file.metadata.get('tokenizer.ggml.tokens') as readonly string[];
    // A token with a space after another character, which occurs in no text, rules words out.
    const changed = tokens.map((token, id) => (id === tokens.length - 1 ? '\uE000\u2581' : token));
    const byWords = createTokenizer(file.metadata);
    const whole = createTokenizer(new Map(file.metadata).set('tokenizer.ggml.tokens', changed));
    for (const { name, text } of readAll('blns', 'utf8', 'chardet/utf-8', 'small')) {
      if (text.includes(tokens[tokens.length - 1])) continue;
      expect([...byWords.encode(text)], name).toEqual([...whole.encode(text)]);
    }
  });

  it('equal files have equal fingerprints, others have others', async () => {
    const prints = await Promise.all(readable.map(async (set) => (await load(set)).fingerprint));
    expect(new Set(prints).size).toBe(readable.length);
    expect((await load(readable[0])).fingerprint).toBe(prints[0]);
  });

  it('a word of 400 kB takes about as long as 400 kB of words', async () => {
    for (const set of ['ggml-vocab-gpt-2.gguf', 'ggml-vocab-llama-spm.gguf']) {
      const tokenizer = await load(set);
      const word = Array.from({ length: 400_000 }, (_, i) => String.fromCharCode(97 + ((i * i) % 25))).join(
        '',
      );
      const start = performance.now();
      const ids = tokenizer.encode(word);
      expect(performance.now() - start).toBeLessThan(8000);
      expect(tokenizer.decode(ids) === word).toBe(true);
    }
  });

  it('encodes more than 300,000 tokens a second of English', async () => {
    const text = readFileSync(join(data, 'commonmark/spec.txt'), 'utf8');
    for (const set of ['ggml-vocab-starcoder.gguf', 'ggml-vocab-phi-3.gguf']) {
      const tokenizer = await load(set);
      const start = performance.now();
      const tokens = [1, 2, 3].reduce((sum) => sum + tokenizer.encode(text).length, 0);
      expect(tokens / ((performance.now() - start) / 1000), set).toBeGreaterThan(300_000);
    }
  });
});
