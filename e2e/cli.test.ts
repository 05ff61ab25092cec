/** What needs no engine: usage, errors, model files, tokens. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, truncate, writeFile, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeTinyLlama, smallestLlama } from '../src/main/formats/testing/index.ts';
import {
  model,
  noModel,
  noTestData,
  openTerminal,
  skippedWithoutModel,
  skippedWithoutTestData,
  testData,
  type Terminal,
} from './harness.ts';

let terminal: Terminal;
beforeAll(async () => {
  terminal = await openTerminal();
});
afterAll(() => terminal.close());

/** The shape of every error: what happened, what to do; nothing on stdout. */
const failed = (code: number) => ({
  code,
  stdout: '',
  stderr: expect.stringMatching(/^error: .+\nhint: .+\n$/) as string,
});

describe('usage', () => {
  it('help and version go to stdout and end with 0', async () => {
    expect(await terminal.run('--help')).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('library add') as string,
    });
    expect(await terminal.run('--version')).toMatchObject({ code: 0, stdout: '0.1.0\n' });
  });

  it.each([
    [['bogus']],
    [['ask']],
    [['ask', 'one', 'two']],
    [['ask', 'q', '--temperature', '3']],
    [['ask', 'q', '--nope']],
    [['--backend', 'magic', 'library', 'list']],
    [['library', 'add', 'only-a-name']],
    [['library', 'add', 'x', '.', '--read', '--no-read']],
    [['models', 'remove']],
    [['state', 'nope', 'x']],
    [['logits']],
  ])('%j is wrong usage: exit code 2', async (args) => {
    expect(await terminal.run(...args)).toMatchObject(failed(2));
  });

  it.each([
    [['library', 'show', 'nobody']],
    [['library', 'remove', 'nobody']],
    [['state', 'info', 'nobody']],
    [['conversations', 'show', 'nobody']],
    [['models', 'remove', 'nobody']],
    [['conversations', 'import', 'no-such-file.json']],
  ])('%j names what is not there: exit code 1', async (args) => {
    expect(await terminal.run(...args)).toMatchObject(failed(1));
  });

  it('the processor and a graphics card can not share one state: exit code 1', async () => {
    const result = await terminal.run('bench', 'prefill', '--devices', 'cpu,llvmpipe');
    expect(result).toMatchObject(failed(1));
    expect(result.stderr).toContain('cpu,llvmpipe: the processor and graphics cards do not compute alike');
  });

  it('a data folder that cannot be made is an error with a remedy', async () => {
    const file = join(terminal.dataFolder, '..', 'a-file');
    await writeFile(file, '');
    expect(await terminal.run('--data', join(file, 'data'), 'library', 'list')).toMatchObject(failed(1));
  });
});

describe('model files', () => {
  it('a good one is imported, listed and removed', async () => {
    const file = join(terminal.dataFolder, '..', 'tiny.gguf');
    await writeFile(file, encodeTinyLlama(smallestLlama));
    expect((await terminal.run('models', 'import', file, '--json')).json()).toMatchObject({ id: 'tiny' });
    expect((await terminal.run('models', 'list', '--json')).json()).toMatchObject({
      models: [{ id: 'tiny', isDefault: false }],
    });
    expect((await terminal.run('models', 'remove', 'tiny')).code).toBe(0);
    expect((await terminal.run('models', 'list', '--json')).json()).toEqual({ models: [] });
  });

  // All of them are tested beside the parser; here only that a refusal reaches the terminal as an error.
  it
    .skipIf(noTestData)
    .each(['bad-magic', 'head-count-0', 'align-2GB', 'n-tensors-huge', 'pickle-named-gguf'])(
    `%s is refused with its first fault${skippedWithoutTestData}`,
    async (file) => {
      const path = join(testData, 'own', 'gguf', `${file}.gguf`);
      expect(await terminal.run('models', 'verify', path)).toMatchObject(failed(1));
    },
  );

  describe.skipIf(noModel)(`the default model${skippedWithoutModel}`, () => {
    it('passes', async () => {
      expect((await terminal.run('models', 'verify', model, '--json')).json()).toMatchObject({
        valid: true,
        architecture: 'llama',
        sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
      });
    });

    it('cut short, it is refused by verify and by ask, and the data folder keeps working', async () => {
      const cut = join(terminal.dataFolder, '..', 'cut.gguf');
      await copyFile(model, cut);
      await truncate(cut, 50_000_000);
      expect(await terminal.run('models', 'verify', cut)).toMatchObject(failed(1));
      expect(await terminal.run('--model', cut, 'ask', 'Hello?')).toMatchObject(failed(1));
      await rm(cut);
      expect((await terminal.run('conversations', 'list')).code).toBe(0);
    });

    it('with another architecture it is refused by name', async () => {
      const file = join(terminal.dataFolder, '..', 'mamba.gguf');
      const bytes = Buffer.from(await readFile(model));
      const at = bytes.indexOf('llama', bytes.indexOf('general.architecture'));
      bytes.write('mamba', at);
      await writeFile(file, bytes);
      const refused = await terminal.run('--model', file, 'ask', 'Hello?');
      expect(refused).toMatchObject(failed(1));
      expect(refused.stderr).toContain('mamba');
      await rm(file);
    });

    it('doctor finds everything in order, and says what is missing otherwise', async () => {
      expect((await terminal.run('doctor', '--json')).json()).toMatchObject({ ok: true });
      const missing = await terminal.run('doctor', '--model', 'nobody');
      expect(missing.code).toBe(1);
      expect(missing.stdout).toMatch(/MISSING {2}model/);
    });
  });
});

describe.skipIf(noModel)(`tokenize${skippedWithoutModel}`, () => {
  it('special tokens are text, and there is no BOS unless asked for', async () => {
    const text = 'a <|im_end|> b';
    const plain = (await terminal.start(['tokenize'], text).ended).json() as number[];
    expect(plain).not.toContain(2);
    const withBos = (await terminal.start(['tokenize', '-', '--add-bos'], text).ended).json() as number[];
    expect(withBos).toEqual([1, ...plain]);
  });

  it('--lines: a JSON string per line in, an array per line out; U+2028 does not end a line', async () => {
    const lines = ['a', 'a\u2028b', 'a\nb', ''].map((text) => JSON.stringify(text)).join('\n');
    const { stdout } = await terminal.start(['tokenize', '--lines'], `${lines}\n`).ended;
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as number[]);
    expect(rows).toHaveLength(4);
    expect(rows[3]).toEqual([]);
  });

  it('text that is not UTF-8 is refused', async () => {
    const file = join(terminal.dataFolder, '..', 'latin1.txt');
    await writeFile(file, Buffer.from([0x66, 0xfc, 0x72]));
    expect(await terminal.run('tokenize', file)).toMatchObject(failed(1));
  });

  it.skipIf(process.platform === 'win32')(
    'a reader that leaves early is no error (skipped on Windows: a shell)',
    async () => {
      const file = join(terminal.dataFolder, '..', 'long.txt');
      await writeFile(file, 'word '.repeat(200_000));
      await mkdir(terminal.dataFolder, { recursive: true });
      const cli = new URL('../src/main/cli.ts', import.meta.url).pathname;
      const { stdout, stderr } = await promisify(execFile)('sh', [
        '-c',
        '"$0" "$1" --model "$2" tokenize "$3" | head -c 5',
        process.execPath,
        cli,
        model,
        file,
      ]);
      expect(stdout).toHaveLength(5);
      expect(stderr).toBe('');
    },
  );
});
