/**
 * What must not end the window or lose a word: the engine dies, the core dies, the disk is full, odd things are
 * dropped. Chromium, the real core, the real model; drops are real ones, by the browser's own drag events.
 */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  call,
  drop,
  noChromium,
  noPage,
  openBrowser,
  openPage,
  skippedWithoutChromium,
  skippedWithoutPage,
  startServe,
  type Serving,
} from './browser.ts';
import { noModel, skippedWithoutModel } from './harness.ts';

const skip = noChromium || noPage || noModel || process.platform === 'win32';
const skipped =
  skippedWithoutChromium +
  skippedWithoutPage +
  skippedWithoutModel +
  (process.platform === 'win32' ? ' (skipped on Windows: processes and links are others there)' : '');

/** long enough to be killed in the middle */
const LONG = 'Write a long story about a lighthouse keeper, in many paragraphs.';
/** ms: for what comes, however busy the machine is */
const ANSWERED_MS = 180_000;

let browser: Browser;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'longleaf-faults-'));
  if (!skip) browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

const messages = (page: Page) => page.getByRole('log', { name: 'Messages' });
const lastAnswer = (page: Page) => messages(page).locator('.part').last();

async function ask(page: Page, question: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(question);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Stop' }).waitFor();
}

/** Until the answer has some words. */
async function writing(page: Page): Promise<void> {
  await messages(page).locator('.thread.waiting').waitFor({ state: 'hidden', timeout: ANSWERED_MS });
  await expect.poll(() => lastAnswer(page).innerText(), { timeout: ANSWERED_MS }).toMatch(/\w+ \w+ \w+/);
}

async function answered(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Send' }).waitFor({ timeout: ANSWERED_MS });
}

/** What the core has of the latest answer. */
async function savedAnswer(page: Page): Promise<string> {
  const [latest] = await call(page, 'conversations.list', {});
  if (latest === undefined) return '';
  const { messages: all } = await call(page, 'conversations.show', { id: latest.conversation.id });
  return all.at(-1)?.content ?? '';
}

/** The engine is the child of the core. */
function engineOf({ pid }: Serving): number {
  const children = execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    .trim()
    .split('\n');
  expect(children).toHaveLength(1);
  return Number(children[0]);
}

describe.skipIf(skip)(`a process dies in the middle of an answer${skipped}`, () => {
  let serving: Serving;
  let page: Page;

  beforeAll(async () => {
    serving = await startServe();
    page = await openPage(browser, serving.url);
  });
  afterAll(() => serving?.close());

  it('the engine: what was written is kept and marked, and the next question works within seconds', async () => {
    await ask(page, LONG);
    await writing(page);
    const killed = engineOf(serving);
    process.kill(killed, 'SIGKILL');
    await answered(page);
    const marked = messages(page).getByText(/could not be finished.* are kept/);
    await marked.waitFor();
    expect(await lastAnswer(page).innerText()).toMatch(/\w+ \w+ \w+/);
    const askedAt = performance.now();
    await ask(page, 'What is a harbour?');
    await writing(page);
    const seconds = (performance.now() - askedAt) / 1_000;
    console.log(`engine killed: the next answer begins after ${seconds.toFixed(1)} s`);
    expect(engineOf(serving)).not.toBe(killed);
    await answered(page);
    expect(await marked.count()).toBe(1);
  });

  it('the core: the page says so; started again, what was written is there and marked', async () => {
    await page.getByRole('button', { name: 'New chat' }).click();
    const question = `${LONG} Begin with the sea.`;
    await ask(page, question);
    await writing(page);
    // It is saved about once a second: what stands there now is saved then.
    const written = await lastAnswer(page).innerText();
    await expect.poll(() => savedAnswer(page), { timeout: ANSWERED_MS }).toContain(written.slice(0, 20));
    await serving.kill();
    await page.getByText('The program behind this page has stopped.').waitFor();
    await messages(page)
      .getByText(/What was written until then is kept/)
      .waitFor();
    await page.getByRole('textbox', { name: 'Message' }).fill('typed meanwhile');
    expect(await page.getByRole('button', { name: 'Send' }).getAttribute('aria-disabled')).toBe('true');
    await page.context().close();

    serving = await serving.restart();
    page = await openPage(browser, serving.url);
    await page.getByRole('region', { name: 'Conversations' }).getByText(LONG.slice(0, 20)).first().click();
    await messages(page).getByText(question).waitFor();
    await messages(page)
      .getByText(/What was written until then is kept/)
      .waitFor();
    expect(await lastAnswer(page).innerText()).toContain(written.slice(0, 20));
    await ask(page, 'What is a harbour?');
    await writing(page);
    await page.getByRole('button', { name: 'Stop' }).click();
  });
});

/** Null where it can't be had: then the reason, for the title. */
const noSmallDisk =
  process.platform !== 'linux' || process.getuid?.() !== 0
    ? ' (skipped: a small file system can be mounted by root on Linux only)'
    : '';
const MOUNT_MB = 260;

describe.skipIf(skip || noSmallDisk !== '')(`the disk is full${skipped}${noSmallDisk}`, () => {
  let disk: string;
  let serving: Serving;
  let page: Page;

  beforeAll(async () => {
    disk = mkdtempSync(join(folder, 'disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${MOUNT_MB}m`, 'tmpfs', disk]);
    serving = await startServe({ folder: disk });
    page = await openPage(browser, serving.url);
  });
  afterAll(async () => {
    await serving?.close();
    execFileSync('umount', ['-l', disk]);
  });

  /** Fills what is free, to the last block. */
  function fill(name: string): string {
    const file = join(disk, name);
    for (const size of [2 ** 20, 4_096]) {
      try {
        for (;;) writeFileSync(file, Buffer.alloc(size, 1), { flag: 'a' });
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOSPC' });
      }
    }
    expect(statfsSync(disk).bavail).toBe(0);
    return file;
  }

  it('the message is kept; without any room it stays in the box; with room again all goes on', async () => {
    await ask(page, 'What is a harbour?');
    await answered(page);
    const fillers = [fill('filler')];
    await ask(page, 'What is a pier?');
    await answered(page);
    await messages(page).getByText('What is a pier?').waitFor();

    // the reserve is used up now
    fillers.push(fill('filler-2'));
    const text = `What is a quay? ${'Tell me more about it. '.repeat(40)}`.trim();
    await page.getByRole('textbox', { name: 'Message' }).fill(text);
    await page.keyboard.press('Enter');
    const error = page.getByRole('dialog').filter({ hasText: /disk/i });
    await error.waitFor({ timeout: ANSWERED_MS });
    expect(await error.innerText()).toMatch(/Free some space/);
    const box = await page.getByRole('textbox', { name: 'Message' }).inputValue();
    const shown = await messages(page).getByText('What is a quay?').count();
    expect(box === text || shown > 0).toBe(true);

    for (const file of fillers) rmSync(file);
    await error.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('textbox', { name: 'Message' }).fill('What is a mole?');
    await page.keyboard.press('Enter');
    await messages(page).getByText('What is a mole?').waitFor();
    await answered(page);

    serving = await serving.restart();
    await page.context().close();
    page = await openPage(browser, serving.url);
    await page.getByRole('region', { name: 'Conversations' }).getByText('What is a harbour?').first().click();
    for (const kept of ['What is a harbour?', 'What is a pier?', 'What is a mole?'])
      await messages(page).getByText(kept).first().waitFor();
  });
});

describe.skipIf(skip)(`odd things dropped on the window${skipped}`, () => {
  let serving: Serving;
  let page: Page;

  beforeAll(async () => {
    serving = await startServe();
    page = await openPage(browser, serving.url);
  });
  afterAll(() => serving?.close());

  // a drop on a library's page goes into that library
  beforeEach(() => page.getByRole('button', { name: 'New chat' }).click());

  const dialog = () => page.getByRole('dialog', { name: 'Add to library' });

  function tree(name: string, files: Readonly<Record<string, string>>): string {
    const root = join(folder, name);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return root;
  }

  it('an empty folder is said to be one', async () => {
    const empty = join(folder, 'empty');
    mkdirSync(join(empty, 'below'), { recursive: true });
    await drop(page, [empty]);
    const said = page.getByRole('dialog', { name: 'Nothing of what was dropped could be read.' });
    await said.waitFor();
    await said.getByRole('button', { name: 'Close' }).click();
  });

  it('a circle of links and a socket among files: the files come, what is not read says why', async () => {
    const root = tree('odd', { 'a.md': '# A\n\nShips.\n', 'b/c.md': '# C\n\nThe sea.\n' });
    symlinkSync('..', join(root, 'b', 'circle'));
    const socket = createServer();
    await new Promise<void>((resolve) => socket.listen(join(root, 'b', 'socket'), resolve));
    try {
      await drop(page, [root]); // a browser does not show us the links
      await dialog().getByText('odd/b/c.md').waitFor();
      await dialog().getByText('files, 1 left out').waitFor();
      await page.keyboard.press('Escape');

      // As the desktop app hands it over: by its path. There the links are seen, and said.
      await call(page, 'jobs.start', { kind: 'add', name: 'odd', paths: [root] });
      await page.getByRole('region', { name: 'Libraries' }).getByText('odd', { exact: true }).click();
      const tree = page.getByRole('tree');
      await tree.getByText('b', { exact: true }).click();
      await tree.getByTitle(/link to/).waitFor();
      await tree.getByTitle(/pipe or socket/).waitFor();
    } finally {
      socket.close();
    }
  });

  it('a file that vanishes between the preview and Add is named, and the rest is read', async () => {
    const root = tree('brief', { 'here.md': '# Here\n\nIt stays.\n', 'gone.md': '# Gone\n\nIt goes.\n' });
    await drop(page, [root]);
    await dialog().getByText('brief/gone.md').waitFor();
    const [uploaded] = readdirSync(join(serving.dataFolder, 'uploads'), { recursive: true })
      .map(String)
      .filter((path) => path.endsWith('gone.md'));
    rmSync(join(serving.dataFolder, 'uploads', uploaded ?? 'none'));
    await dialog()
      .getByRole('button', { name: /^Add and/ })
      .click();
    await dialog().waitFor({ state: 'hidden' });
    await expect
      .poll(() => call(page, 'library.show', { name: 'brief' }).catch(() => null), { timeout: ANSWERED_MS })
      .toMatchObject({ status: 'indexed', files: 1 });
    await page.getByText('brief/here.md').or(page.getByText('here.md')).first().waitFor();
  });

  it('files that vanish while they are handed over are named, and the rest comes', async () => {
    // d0 stays: were all to vanish before the first is over, nothing would be left to add.
    const root = tree('leaving', Object.fromEntries(many(400)));
    await drop(page, [root]);
    await page.getByText('Handing the files over').waitFor();
    for (const gone of ['d1', 'd2', 'd3']) rmSync(join(root, gone), { recursive: true });
    await page
      .getByText(/could not be read and were left out/)
      .first()
      .waitFor();
    await dialog().waitFor();
    await page.keyboard.press('Escape');
  });

  it('a text of 4 GB is left out by name, at once: in a browser before a byte is copied', async () => {
    const root = tree('large', { 'small.md': '# Small\n\nIt fits.\n' });
    const large = join(root, 'large.txt');
    writeFileSync(large, 'A very long text.\n');
    truncateSync(large, 4 * 2 ** 30); // takes no room: the rest is a hole
    await drop(page, [large]);
    const said = page.getByRole('dialog').filter({ hasText: 'large.txt is larger than 256 MB' });
    await said.getByRole('button', { name: 'Close' }).click();
    await drop(page, [root]);
    await page.getByText('large/large.txt is larger than 256 MB and was left out.').waitFor();
    await dialog().getByText('large/small.md').waitFor();
    await page.keyboard.press('Escape');
    const handedOver = readdirSync(join(serving.dataFolder, 'uploads'), { recursive: true }).map(String);
    expect(handedOver.filter((path) => path.endsWith('large.txt'))).toEqual([]);
    // as the desktop app hands it over, by its path: the scan says it, and the rest is read
    await call(page, 'jobs.start', { kind: 'add', name: 'large', paths: [root] });
    await page.getByRole('region', { name: 'Libraries' }).getByText('large', { exact: true }).click();
    await page
      .getByRole('tree')
      .getByTitle(/larger than/)
      .waitFor();
    expect(await call(page, 'library.show', { name: 'large' })).toMatchObject({
      status: 'indexed',
      counts: { read: 1, skipped: 1 },
    });
  });

  const LONG_TIER = process.env['LONGLEAF_LONG'] === '1';
  it(
    `${LONG_TIER ? '100,000' : '3,000'} small files: the window stays alive while they come`,
    async () => {
      const count = LONG_TIER ? 100_000 : 3_000;
      const root = tree('many', Object.fromEntries(many(count)));
      await drop(page, [root]);
      await page.getByText('Handing the files over').waitFor();
      const { frames, slowest } = await watchFrames(page, 1_500);
      console.log(`${count} files handed over: ${frames} frames, slowest ${Math.round(slowest)} ms`);
      await dialog()
        .getByText(count.toLocaleString('en-GB'), { exact: true })
        .first()
        .waitFor({ timeout: LONG_TIER ? 1_800_000 : ANSWERED_MS });
      await dialog()
        .getByRole('button', { name: /^Add and/ })
        .click();
      await page
        .getByRole('region', { name: 'Libraries' })
        .getByText('many', { exact: true })
        .waitFor({ timeout: ANSWERED_MS });
      await page.getByRole('button', { name: 'New chat' }).click();
      await page.getByRole('textbox', { name: 'Message' }).fill('still alive');
      // it went on painting; how fast is for bench/page.ts to say, on a machine that does nothing else
      expect(frames).toBeGreaterThan(3);
    },
    LONG_TIER ? 3_600_000 : undefined,
  );

  function* many(count: number): Generator<[string, string]> {
    for (let n = 0; n < count; n++)
      yield [`d${Math.trunc(n / 100)}/f${n}.txt`, `Note ${n}: ship ${n % 7} lies in berth ${n % 31}.\n`];
  }
});

/** Frames that are painted while the page is watched, and ms between the two that are farthest apart. */
function watchFrames(page: Page, watchedMs: number): Promise<{ frames: number; slowest: number }> {
  return page.evaluate(
    (ms) =>
      new Promise<{ frames: number; slowest: number }>((resolve) => {
        let slowest = 0;
        let frames = 0;
        let last = performance.now();
        const end = last + ms;
        const frame = (now: number) => {
          slowest = Math.max(slowest, now - last);
          last = now;
          frames += 1;
          if (now < end) requestAnimationFrame(frame);
          else resolve({ frames, slowest });
        };
        requestAnimationFrame(frame);
      }),
    watchedMs,
  );
}
