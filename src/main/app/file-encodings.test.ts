/** A wrong guess of an encoding is shown, and mended for one file: through the contract, with real files. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import iconv from 'iconv-lite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Encoding } from '../../shared/encodings.ts';
import type { TestApp } from './app.fixture.ts';
import { never, openTestApp, reportOf } from './app.fixture.ts';

const text = '吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n'.repeat(4);
const path = 'files/neko.txt';
const options = { signal: never };

let test: TestApp;
let file: string;
beforeEach(async () => {
  test = await openTestApp();
  const folder = join(test.folder, 'files');
  file = join(folder, 'neko.txt');
  await mkdir(folder);
  await writeFile(file, iconv.encode(text, 'shift_jis'));
  await writeFile(join(folder, 'other.txt'), 'plain text');
  await test.add({ name: 'cats', read: 'never' });
});
afterEach(() => test.close());

const call = () => test.app().handlers;
const shown = async () => (await call()['library.document']({ name: 'cats', path }, options)).text;
const encoding = () => call()['library.encoding']({ name: 'cats', path }, options);

async function update() {
  const events = call()['library.update']({ name: 'cats' }, options);
  return reportOf(await Array.fromAsync(events));
}

async function choose(wanted: Encoding | null) {
  await call()['library.setEncoding']({ name: 'cats', path, encoding: wanted }, options);
  return update();
}

it('a Shift_JIS file is read as EUC-JP when that is chosen, and back; the choice stays', async () => {
  expect(await shown()).toBe(text);
  expect(await encoding()).toEqual({ encoding: 'cp932', guessed: true, chosen: false });

  expect(await choose('euc-jp')).toMatchObject({ changed: 1, unchanged: 1 });
  const wrong = iconv.decode(iconv.encode(text, 'shift_jis'), 'euc-jp');
  expect(await shown()).toBe(wrong);
  expect(await encoding()).toEqual({ encoding: 'euc-jp', guessed: false, chosen: true });
  expect(await update()).toMatchObject({ changed: 0, unchanged: 2 });

  // also for another content of the file, and over a restart
  await test.reopen();
  await writeFile(file, iconv.encode(`${text}終わり。\n`, 'euc-jp'));
  expect(await update()).toMatchObject({ changed: 1, unchanged: 1 });
  expect(await shown()).toBe(`${text}終わり。\n`);
  const hits = await call()['library.search']({ name: 'cats', query: '終わり' }, options);
  expect(hits).toMatchObject([{ path, line: 5 }]);

  await writeFile(file, iconv.encode(text, 'shift_jis'));
  expect(await choose(null)).toMatchObject({ changed: 1, unchanged: 1 });
  expect(await shown()).toBe(text);
  expect(await encoding()).toMatchObject({ encoding: 'cp932', guessed: true });
  expect(await update()).toMatchObject({ changed: 0 });
});

it('what has no encoding to choose says so', async () => {
  const wrong = (name: string, of: string) => call()['library.encoding']({ name, path: of }, options);
  await expect(wrong('cats', 'files/none.txt')).rejects.toMatchObject({ code: 'not-found' });
  await expect(wrong('dogs', path)).rejects.toMatchObject({ code: 'not-found' });
  await writeFile(join(test.folder, 'files', 'picture.bin'), Buffer.from([0, 1, 2, 3, 0, 255]));
  await update();
  const bytes = call()['library.setEncoding'](
    { name: 'cats', path: 'files/picture.bin', encoding: 'utf-8' },
    options,
  );
  await expect(bytes).rejects.toMatchObject({ code: 'invalid-input' });
});
