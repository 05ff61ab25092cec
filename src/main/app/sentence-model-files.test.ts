import { chmod, mkdir, mkdtemp, readdir, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { modelsFolder, readManifest } from './models.ts';
import { downloadSentenceModel, isSentenceModelWanted, sentenceModelFolder } from './sentence-model-files.ts';

let folder: string;
let dataFolder: string;
let own: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longleaf-sentences-'));
  dataFolder = join(folder, 'data');
  own = join(modelsFolder(dataFolder), (await readManifest()).sentenceModel.id);
  // the models of whoever runs the tests are none of these tests'
  for (const name of ['HOME', 'XDG_DATA_HOME', 'APPDATA']) vi.stubEnv(name, join(folder, 'home'));
  vi.stubEnv('PATH', folder); // no pip, unless a test puts one there
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

/** files of the right sizes, without contents */
async function place(into: string): Promise<void> {
  await mkdir(into, { recursive: true });
  for (const { file, bytes } of (await readManifest()).sentenceModel.files) {
    await writeFile(join(into, file), '');
    await truncate(join(into, file), bytes);
  }
}

it('is there when all of its files are, in the data folder or else in the own one of the user', async () => {
  expect(await sentenceModelFolder(dataFolder)).toBeNull();
  // where the user's own folder lies depends on the system
  vi.stubEnv('LONGLEAF_DATA', undefined);
  const { defaultDataFolder } = await import('./models.ts');
  const users = join(modelsFolder(defaultDataFolder()), 'all-minilm-l6-v2');
  await place(users);
  expect(await sentenceModelFolder(dataFolder)).toBe(users);
  await place(own);
  expect(await sentenceModelFolder(dataFolder)).toBe(own);
  expect(await downloadSentenceModel(dataFolder)).toBe(own);
  await truncate(join(own, 'tokenizer.json'), 5);
  expect(await sentenceModelFolder(dataFolder)).toBe(users);
});

it('without pip: why, and what to do; a start does not ask again for a day', async () => {
  expect(await isSentenceModelWanted(dataFolder)).toBe(true);
  await expect(downloadSentenceModel(dataFolder)).rejects.toMatchObject({
    code: 'model-missing',
    message: expect.stringContaining('there is no pip') as string,
    hint: expect.stringContaining('longleaf models download') as string,
  });
  expect(await isSentenceModelWanted(dataFolder)).toBe(false);
  const yesterday = Date.now() / 1000 - 25 * 3600;
  await utimes(join(own, 'failed'), yesterday, yesterday);
  expect(await isSentenceModelWanted(dataFolder)).toBe(true);
});

it.skipIf(process.platform === 'win32')(
  'a package that is none leaves nothing behind that could be taken for the model (skipped on Windows: a shell script)',
  async () => {
    const script = `#!/bin/sh\ncase "$*" in\n*--version*) exit 0 ;;\nesac\nwhile [ "$1" != --dest ]; do shift; done\necho no zip > "$2/x-1-py3-none-any.whl"\n`;
    await writeFile(join(folder, 'pip'), script);
    await chmod(join(folder, 'pip'), 0o755);
    vi.stubEnv('PATH', [folder, '/bin', '/usr/bin'].join(delimiter));
    await expect(downloadSentenceModel(dataFolder)).rejects.toMatchObject({
      code: 'model-missing',
      message: expect.stringContaining('not a readable zip archive') as string,
    });
    expect(await readdir(own)).toEqual(['failed']);
  },
);
