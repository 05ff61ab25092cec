import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sentenceModel } from '../engine/testing/test-data.ts';
import { Embedder } from './embedder.ts';

const model = sentenceModel();
const reason = model.missing ? ' (skipped: the sentence model is not installed)' : '';

let folder: string;
let embedder: Embedder;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longleaf-embedding-'));
});
afterEach(async () => {
  await embedder.close();
  await rm(folder, { recursive: true, force: true });
});

const cosine = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

describe.skipIf(model.missing)(`all-MiniLM-L6-v2${reason}`, () => {
  // What the library sentence-transformers prints for this model, as its documentation shows it ("Usage" and
  // "Semantic Textual Similarity").
  it.each([
    ['The weather is lovely today.', "It's so sunny outside!", 0.666],
    ['The weather is lovely today.', 'He drove to the stadium.', 0.1046],
    ["It's so sunny outside!", 'He drove to the stadium.', 0.1411],
    ['A man is eating food.', 'A man is eating a piece of bread.', 0.7553],
  ])('%s / %s: %d', async (one, other, expected) => {
    embedder = new Embedder(model.path);
    const [a, b] = await Promise.all([embedder.embed(one), embedder.embed(other)]);
    expect(a).toHaveLength(384);
    expect(cosine(a, a)).toBeCloseTo(1, 5);
    expect(cosine(a, b)).toBeCloseTo(expected, 4);
  });

  it('any text has a point: none, one that is too long, one that is no text', async () => {
    embedder = new Embedder(model.path);
    const texts = ['', 'whale '.repeat(10_000), '\ud800\u0000\uffff', '鯨'];
    for (const text of texts) expect(cosine(...(await pair(text)))).toBeCloseTo(1, 5);
    async function pair(text: string): Promise<[Float32Array, Float32Array]> {
      return [await embedder.embed(text), await embedder.embed(text)];
    }
  });

  it('a file that was cut off, or has other tensors, is named; nothing hangs', async () => {
    await mkdir(folder, { recursive: true });
    await copyFile(join(model.path, 'tokenizer.json'), join(folder, 'tokenizer.json'));
    const whole = await readFile(join(model.path, 'model.safetensors'));
    await writeFile(join(folder, 'model.safetensors'), whole.subarray(0, 1_000_000));
    embedder = new Embedder(folder);
    await expect(embedder.embed('a')).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining('model.safetensors is damaged') as string,
    });
  });
});

describe('without a model', () => {
  it('says that the file is missing', async () => {
    embedder = new Embedder(folder);
    await expect(embedder.embed('a')).rejects.toMatchObject({
      message: expect.stringContaining('model.safetensors') as string,
    });
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['a header longer than the file', Buffer.from([255, 255, 255, 255, 255, 255, 255, 127, 1])],
    ['a header that is no JSON', Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{]}')])],
    ['no tensors', Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{}')])],
  ])('a model that is %s is damaged', async (_, bytes) => {
    await writeFile(join(folder, 'model.safetensors'), bytes);
    await writeFile(join(folder, 'tokenizer.json'), '{"model":{"vocab":{"[UNK]":0}}}');
    embedder = new Embedder(folder);
    await expect(embedder.embed('a')).rejects.toMatchObject({ code: 'invalid-input' });
  });

  it('closed, it answers nothing more, and nobody waits', async () => {
    embedder = new Embedder(folder);
    const asked = embedder.embed('a');
    asked.catch(() => undefined);
    await embedder.close();
    await expect(asked).rejects.toMatchObject({
      code: expect.stringMatching(/interrupted|invalid-input/) as string,
    });
    await expect(embedder.embed('b')).rejects.toMatchObject({ code: 'interrupted' });
  });
});
