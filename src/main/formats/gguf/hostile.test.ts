import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeGguf } from '../testing/index.ts';

const data = process.env['LONGLEAF_TEST_DATA'] ?? join(import.meta.dirname, '../../../../../shared/data');
const hostile = join(data, 'own/gguf');
const missing = !existsSync(hostile);
const megabyte = 2 ** 20;

interface Outcome {
  readonly path: string;
  readonly ms: number;
  readonly grownBytes: number;
  readonly accepted: boolean;
  readonly name?: string | null;
  readonly code?: string;
  readonly message?: string;
}

/** Opens the files in a child, so that a crash or a hang is a failure and not the end of the test run. */
function openInChild(...paths: string[]): Outcome[] {
  const script = fileURLToPath(new URL('../testing/open-and-measure.ts', import.meta.url));
  const output = execFileSync(process.execPath, [script, ...paths], { encoding: 'utf8', timeout: 60_000 });
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Outcome);
}

const reason = missing ? ' (skipped: no test data; set LONGLEAF_TEST_DATA)' : '';
describe.skipIf(missing)(`hostile GGUF files as own/EXPECTED.tsv says${reason}`, () => {
  const expected = missing
    ? []
    : readFileSync(join(data, 'own/EXPECTED.tsv'), 'utf8')
        .split('\n')
        .map((line) => line.split('\t'))
        .filter(([file]) => file.startsWith('gguf/'))
        .map(([file, , outcome]) => ({ file, outcome }));

  it('lists every file of the folder', () => {
    expect(expected.map(({ file }) => file.slice(5)).toSorted()).toEqual(readdirSync(hostile).toSorted());
  });

  it('ends each as required, in under a second and 64 MB', () => {
    const outcomes = openInChild(...expected.map(({ file }) => join(data, 'own', file)));
    expect(outcomes).toHaveLength(expected.length);
    outcomes.forEach((outcome, index) => {
      const { file, outcome: required } = expected[index];
      expect(outcome.ms, file).toBeLessThan(1000);
      expect(outcome.grownBytes, file).toBeLessThan(64 * megabyte);
      if (!required.startsWith('reject')) return;
      expect(outcome.accepted, file).toBe(false);
      expect(outcome.code, file).toMatch(/^(invalid-input|unsupported)$/);
      expect(outcome.message, file).toMatch(/^[^\p{Cc}]{20,300}$/u);
    });
  });

  it('hands a name with markup on as text', () => {
    const [outcome] = openInChild(join(hostile, 'name-html.gguf'));
    expect(outcome.name).toBe('<img src=x onerror=alert(1)>');
  });
});

describe('what is not a GGUF file', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'longleaf-gguf-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  function outcomeOf(content: string | Uint8Array): Outcome {
    const path = join(folder, 'model.gguf');
    writeFileSync(path, content);
    return openInChild(path)[0];
  }

  it.each([
    [
      'a Git LFS pointer',
      'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n',
      /Git LFS pointer/,
    ],
    ['a web page', '<!DOCTYPE html><html><body>Sign in</body></html>', /web page/],
    ['an empty file', '', /empty/],
    ['zeros', Buffer.alloc(5000), /zero bytes/],
    ['a pickle', Buffer.from([0x80, 4, 0x63]), /pickle/],
    ['a text', 'hello', /does not start with "GGUF"/],
  ])('names %s', (_, content, message) => {
    expect(outcomeOf(content)).toMatchObject({ accepted: false, code: 'invalid-input' });
    expect(outcomeOf(content).message).toMatch(message);
  });

  it('names a truncated download and both sizes', () => {
    const whole = encodeGguf({
      metadata: { 'general.architecture': 'llama' },
      tensors: [{ name: 'token_embd.weight', type: 'F32', shape: [32, 8], data: new Float32Array(256) }],
    });
    const { message } = outcomeOf(whole.subarray(0, whole.length - 100));
    expect(message).toContain(`${whole.length - 100} bytes`);
    expect(message).toContain(`byte ${whole.length}`);
    expect(outcomeOf(whole.subarray(0, 60)).message).toMatch(/ends inside its header|only \d+/);
  });

  it('refuses a folder and a path that is not there', () => {
    expect(openInChild(folder)[0]).toMatchObject({ accepted: false, code: 'invalid-input' });
    expect(openInChild(join(folder, 'absent.gguf'))[0]).toMatchObject({ code: 'not-found' });
  });

  it('refuses overlapping tensors', () => {
    const file = encodeGguf({
      metadata: {},
      tensors: ['a', 'b'].map((name) => ({ name, type: 'F32', shape: [16], data: new Float32Array(16) })),
    });
    // The offset of b (64) is the last u64 before the padded data: make it the offset of a.
    const at = Buffer.from(file).lastIndexOf(Buffer.from([64, 0, 0, 0, 0, 0, 0, 0]));
    file[at] = 32;
    expect(outcomeOf(file).message).toMatch(/"a" and "b" overlap/);
  });

  it('stops at a header that is large but holds what it claims', () => {
    const strings = Array.from({ length: 900_000 }, () => 'x'.repeat(60));
    const outcome = outcomeOf(encodeGguf({ metadata: { big: strings }, tensors: [] }));
    expect(outcome).toMatchObject({ accepted: false, code: 'invalid-input' });
    expect(outcome.message).toMatch(/header is longer than/);
    expect(outcome.ms).toBeLessThan(1000);
    expect(outcome.grownBytes).toBeLessThan(64 * megabyte);
  });
});
