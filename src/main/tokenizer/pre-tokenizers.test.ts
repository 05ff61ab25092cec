import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGguf } from '../formats/index.ts';
import { encodeGguf } from '../formats/testing/index.ts';
import { createTokenizer } from './index.ts';
import { nearestPreTokenizer, preTokenizer, preTokenizerNames } from './pre-tokenizers.ts';
import { smallGpt2Metadata } from './testing/small-gpt2.ts';

const data = process.env['LONGLEAF_TEST_DATA'] ?? join(import.meta.dirname, '../../../../shared/data');
const vocabulary = join(data, 'llama-vocab/ggml-vocab-gpt-2.gguf');
const missing = !existsSync(vocabulary);

const extraTexts = [
  "It's HTTPServer's 1234567 and ２０２４年 of 12,345,678.90 €! camelCase XMLHttpRequest\r\n\r\n\t  x = foo_bar(1,2);// ok\n",
  'Οδυσσέας ΟΔΥΣΣΕΎΣ Привет МИР naïve ÀÉÎ straße 東京タワー 한국어 ไทย हिन्दी العربية',
];

describe.skipIf(missing)(`every pre-tokenizer${missing ? ' (skipped: no test data)' : ''}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-pre-tokenizers-'));
  let merges: readonly string[] = [];
  let texts: readonly string[] = [];
  beforeAll(async () => {
    const file = await openGguf(vocabulary);
    await file.close();
    merges = file.metadata.get('tokenizer.ggml.merges') as readonly string[];
    texts = [...readFileSync(`${vocabulary}.inp`, 'utf8').split('\n__ggml_vocab_test__\n'), ...extraTexts];
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('cuts as llama.cpp does', async () => {
    const { getLlama, LlamaLogLevel } = await import('node-llama-cpp');
    const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.disabled });
    // an older name of deepseek-v3, which llama.cpp does not know
    for (const name of preTokenizerNames.filter((each) => each !== 'deepseek3')) {
      const metadata = smallGpt2Metadata(merges, name);
      const path = join(folder, 'vocabulary.gguf');
      writeFileSync(path, encodeGguf({ metadata, tensors: [] }));
      const peer = await llama.loadModel({ modelPath: path, vocabOnly: true });
      const tokenizer = createTokenizer(new Map(Object.entries(metadata)));
      for (const text of texts) {
        const expected = peer.tokenize(text, false, 'trimLeadingSpace');
        expect([...tokenizer.encode(text)], `${name}: ${text}`).toEqual(expected);
      }
      await peer.dispose();
    }
    await llama.dispose();
  }, 600_000);

  it('unknown: refused by name; the nearest only when asked for, with a warning and another fingerprint', () => {
    const metadata = new Map(Object.entries(smallGpt2Metadata(merges, 'qwen4')));
    expect(() => createTokenizer(metadata)).toThrow(/"qwen4" is not known/);
    expect(() => createTokenizer(metadata, { preTokenizer: 'qwen5' })).toThrow(/"qwen4" is not known/);
    const asked = createTokenizer(metadata, { preTokenizer: 'nearest' });
    expect(asked.warnings).toEqual([expect.stringMatching(/"qwen4" is not known; "qwen2" is used as asked/)]);
    const qwen2 = new Map(Object.entries(smallGpt2Metadata(merges, 'qwen2')));
    const own = createTokenizer(qwen2, { preTokenizer: 'falcon' });
    expect(own.warnings).toEqual([]);
    for (const text of texts) expect([...asked.encode(text)]).toEqual([...own.encode(text)]);
    expect(createTokenizer(metadata, { preTokenizer: 'gpt-2' }).fingerprint).not.toBe(asked.fingerprint);
  });
});

it('every pattern is one that cuts: no two neighbours of a class are out of order (deepseek-llm was)', () => {
  for (const name of preTokenizerNames) expect(preTokenizer(name)?.patterns.length, name).toBeGreaterThan(0);
});

it.each([
  ['qwen4', 'qwen2'],
  ['llama-bpe2', 'llama-bpe'],
  ['DeepSeek-V4', 'deepseek-v3'],
  ['x'.repeat(100_000), 'f2llmv2'],
])('the nearest to %.20s', (name, expected) => {
  const nearest = nearestPreTokenizer(name);
  if (name.length < 100) expect(nearest).toBe(expected);
  else expect(preTokenizerNames).toContain(nearest);
});
