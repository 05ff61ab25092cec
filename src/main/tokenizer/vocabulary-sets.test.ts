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
  it.each(sets)('%s: 46 texts give the ids of llama.cpp, and come back', async (set) => {
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
      // WordPiece folds case and accents
      if (tokenizer.kind !== 'wpm') expect(tokenizer.decode(ids)).toBe(text);
    });
  });

  it('WordPiece: folded text comes back with its words', async () => {
    const tokenizer = await load('ggml-vocab-bert-bge.gguf');
    expect(tokenizer.decode(tokenizer.encode('The Whalers café'))).toBe('the whalers cafe');
    expect([...tokenizer.encode('whale', { addBos: true })]).toEqual([101, 13156]);
  });

  it("Phi 3's special tokens swallow the white space after them, but for <s>", async () => {
    const file = await openGguf(join(folder, 'ggml-vocab-phi-3.gguf'));
    await file.close();
    const named = createTokenizer(file.metadata);
    // its general.name is "Phi3"
    const ids = (text: string): number[] => [...named.encode(text, { special: true })];
    expect(ids('<|user|>\nWhy?<|end|>\n<|assistant|>\n')).toEqual(ids('<|user|>Why?<|end|><|assistant|>'));
    expect(ids('<s> a')).not.toEqual(ids('<s>a'));
    // by llama.cpp
    expect(ids('<|user|>  \n x <|end|> y')).toEqual([32010, 921, 29871, 32007, 343]);
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
    const prints = await Promise.all(sets.map(async (set) => (await load(set)).fingerprint));
    expect(new Set(prints).size).toBe(sets.length);
    expect((await load(sets[0])).fingerprint).toBe(prints[0]);
  });

  it('a word of 400 kB takes about as long as 400 kB of words', async () => {
    for (const set of ['ggml-vocab-gpt-2.gguf', 'ggml-vocab-llama-spm.gguf']) {
      const tokenizer = await load(set);
      const word = Array.from({ length: 400_000 }, (_, i) => String.fromCharCode(97 + ((i * i) % 25))).join(
        '',
      );
      const start = process.cpuUsage();
      const ids = tokenizer.encode(word);
      // processor time: the machine may be busy. Quadratic merging takes minutes.
      expect(process.cpuUsage(start).user).toBeLessThan(20e6);
      expect(tokenizer.decode(ids) === word).toBe(true);
    }
  });
});
