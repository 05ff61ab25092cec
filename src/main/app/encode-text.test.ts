import { expect, it } from 'vitest';
import { createTokenizer } from '../tokenizer/index.ts';
import { openGguf } from '../formats/index.ts';
import { defaultDataFolder, listModels } from './models.ts';
import { encodeText } from './encode-text.ts';

const [model] = await listModels(defaultDataFolder()).catch(() => []);

it.skipIf(model === undefined)(
  'ids of a long text are those of the whole (skipped without a model)',
  async () => {
    const file = await openGguf(model?.path ?? '');
    const tokenizer = createTokenizer(file.metadata);
    await file.close();
    const paragraph = [
      'The lamp  burns;\tit is 12 345 m away.\n',
      '\n\n  indented code();\r\nconst x = "é 😀 日本語";\n',
      'word '.repeat(9),
      '\n',
    ];
    let text = '';
    for (let i = 0; text.length < 900_000; i++) text += (paragraph[i % 4] ?? '') + i.toString(36);
    expect(tokenizer.kind).toBe('bpe');
    const ids = await encodeText(tokenizer, text);
    // compared as texts of numbers: a million single comparisons take their time
    expect(Buffer.from(ids.buffer).equals(Buffer.from(tokenizer.encode(text).buffer))).toBe(true);
  },
);

it('lets others in between, ends when it is told to, and survives one endless word', async () => {
  let longest = 0;
  const tokenizer = {
    kind: 'bpe' as const,
    encode: (text: string) => {
      longest = Math.max(longest, text.length);
      return Int32Array.from(Buffer.from(text, 'utf8'));
    },
  };
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 0);
  const endless = '😀'.repeat(400_000);
  const ids = await encodeText(tokenizer, endless);
  expect(Buffer.from(Uint8Array.from(ids)).toString('utf8')).toBe(endless);
  expect(longest).toBeLessThanOrEqual(200_000);
  await encodeText(tokenizer, 'some words '.repeat(200_000));
  clearInterval(timer);
  expect(turns).toBeGreaterThan(1);
  const stopped = AbortSignal.abort(new Error('enough'));
  await expect(encodeText(tokenizer, endless, stopped)).rejects.toThrow('enough');
});
