/**
 * The page in Chromium, with a database of a gigabyte behind it (issue 4, "Must reach"). Long: about ten minutes.
 *
 *   node boot.mjs run bench/page.ts [--small] [--only open,bundle,chats,typing,memory] [--folder DIR]
 *
 * `--folder` keeps the data for the next run; parts measured one by one (`--only`) come together in one result as long
 * as commit and machine are the same.
 *
 * Measured in Chromium against `longleaf serve`, and labelled so: Electron adds its own start. Chromium gives its
 * processes priorities of its own: started at a higher one than usual, the core would keep the page waiting.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { benchModel, environment, readResult, writeResult } from './environment.ts';
import {
  databaseMB,
  fillDataFolder,
  LAST_WORDS,
  LONG_ANSWER,
  LONG_CHAT,
  writeManyFiles,
} from './page/data.ts';
import {
  framesWhileScrolling,
  heapByOwner,
  heapBytes,
  percentile,
  shownAfterClick,
  slope,
  typingDelays,
} from './page/frames.ts';

const { values } = parseArgs({
  options: {
    small: { type: 'boolean', default: false },
    only: { type: 'string' },
    folder: { type: 'string' },
  },
});
const sizes = values.small
  ? { databaseMB: 20, conversations: 20, longChat: 200, files: 1_000, answers: 6, warmUp: 2 }
  : { databaseMB: 1_000, conversations: 200, longChat: 5_000, files: 100_000, answers: 200, warmUp: 40 };
const wanted = values.only?.split(',');

const root = join(import.meta.dirname, '..');
const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'longleaf-page-'));
const model = await benchModel();
if (!existsSync(join(folder, 'data'))) await fillDataFolder(join(folder, 'data'), model.path, sizes);
const server = await serve(join(folder, 'data'));
const browser = await chromium.launch({
  executablePath: chromiumPath(),
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
});
try {
  const parts: Record<string, () => Promise<object>> = {
    bundle: () => Promise.resolve(bundle()),
    open: () => opening(browser),
    chats: () => longChats(browser),
    typing: () => typing(browser),
    memory: () => memory(browser),
  };
  const results: Record<string, object> = {};
  for (const [name, measure] of Object.entries(parts)) {
    if (wanted !== undefined && !wanted.includes(name)) continue;
    results[name] = await measure();
    console.log(name, JSON.stringify(results[name]));
  }
  const name = values.small ? 'page-small' : 'page';
  writeResult(name, {
    ...earlierParts(name),
    environment: environment(),
    browser: `Chromium ${browser.version()}`,
    databaseMB: databaseMB(join(folder, 'data')),
    ...results,
  });
} finally {
  await browser.close();
  server.stop();
  if (values.folder === undefined) rmSync(folder, { recursive: true, force: true });
}

/** What was measured of the same commit on the same machine. */
function earlierParts(name: string): object {
  const earlier = readResult(name) as { environment?: Partial<ReturnType<typeof environment>> } | null;
  const now = environment();
  const same = (['commit', 'cpu', 'cores', 'memoryGB', 'node'] as const).every(
    (key) => earlier?.environment?.[key] === now[key],
  );
  return same && earlier !== null ? earlier : {};
}

function chromiumPath(): string {
  const known = [process.env['LONGLEAF_CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser'];
  const path = known.find((one) => one !== undefined && existsSync(one));
  if (path !== undefined) return path;
  throw new Error('There is no Chromium. Install it, or name it with LONGLEAF_CHROMIUM.');
}

async function serve(dataFolder: string): Promise<{ readonly url: string; stop(): void }> {
  const child = spawn(
    process.execPath,
    [join(root, 'src/main/cli.ts'), '--data', dataFolder, '--json', 'serve', '--port', '0'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  for await (const line of createInterface({ input: child.stdout })) {
    const { url } = JSON.parse(line) as { url: string };
    return { url, stop: () => void child.kill('SIGTERM') };
  }
  throw new Error('serve ended before it said where.');
}

/** What the browser has to load before anything is shown: the script, what it imports at once, and the styles. */
function bundle(): object {
  const out = join(root, 'out/renderer');
  const html = readFileSync(join(out, 'index.html'), 'utf8');
  const first = [...html.matchAll(/(?:src|href)="\.?\/?([^"]+\.(?:js|css))"/g)].map(
    (match) => match[1] ?? '',
  );
  const gzipKB = (file: string): number => gzipSync(readFileSync(join(out, file))).length / 1e3;
  const all = readdirSync(join(out, 'assets')).filter((file) => file.endsWith('.js'));
  return {
    firstKB: round(first.reduce((sum, file) => sum + gzipKB(file), 0)),
    first,
    allScriptsKB: round(all.reduce((sum, file) => sum + gzipKB(join('assets', file)), 0)),
  };
}

async function newPage(from: Browser): Promise<Page> {
  const page = await blankPage(from);
  await openApp(page);
  return page;
}

async function blankPage(from: Browser): Promise<Page> {
  return (await from.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
}

async function openApp(page: Page): Promise<void> {
  await page.goto(server.url);
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
}

/** ms from the navigation to a composer that takes text. The first opening also opens the core's database. */
async function opening(from: Browser): Promise<object> {
  const runs: number[] = [];
  for (let i = 0; i < 7; i++) {
    const page = await blankPage(from);
    const start = performance.now();
    await openApp(page);
    runs.push(round(performance.now() - start));
    await page.context().close();
  }
  return { usableMs: runs, medianMs: percentile(runs, 0.5) };
}

async function longChats(from: Browser): Promise<object> {
  const chat = await longOne(from, LONG_CHAT);
  return { messages: sizes.longChat, ...chat, longAnswer: await longOne(from, LONG_ANSWER) };
}

/** Opened in fresh pages, each time for the first time; then scrolled from its end towards its beginning. */
async function longOne(from: Browser, title: string): Promise<object> {
  const openMs: number[] = [];
  let frames: readonly number[] = [];
  for (let i = 0; i < 7; i++) {
    const page = await newPage(from);
    const row = page.getByRole('region', { name: 'Conversations' }).getByText(title, { exact: true });
    await row.waitFor();
    const shown = await shownAfterClick(page, LAST_WORDS);
    await row.click();
    openMs.push(round(await shown()));
    if (i === 6) {
      await page.waitForTimeout(1_000); // what lies before the end has come
      frames = await framesWhileScrolling(page, 120);
    }
    await page.context().close();
  }
  return {
    openMs,
    scrollFrameMs: { p95: round(percentile(frames, 0.95)), most: round(Math.max(...frames)) },
  };
}

/** While a library of many files is indexed and an answer streams. */
async function typing(from: Browser): Promise<object> {
  const page = await newPage(from);
  const many = join(folder, 'many');
  if (!existsSync(many)) writeManyFiles(many, sizes.files);
  const quiet = await typed(page);
  const adding = cli('library', 'add', 'many', many, '--no-read');
  await page.waitForTimeout(2_000);
  await page.getByRole('textbox', { name: 'Message' }).fill('Tell me a long story about a whale and a ship.');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Stop' }).waitFor();
  const busy = await typed(page);
  await page.context().close();
  // what is measured next, or by the next run on this folder, has the machine to itself
  adding.kill('SIGINT');
  await once(adding, 'exit');
  await once(cli('library', 'remove', 'many'), 'exit');
  return { files: sizes.files, quiet, busy };
}

async function typed(page: Page): Promise<object> {
  const message = page.getByRole('textbox', { name: 'Message' });
  await message.click();
  const delays = await typingDelays(page, 'the quick brown fox jumps over the lazy dog '.repeat(4), 40);
  await message.fill('');
  return {
    keys: delays.length,
    p50Ms: round(percentile(delays, 0.5)),
    p95Ms: round(percentile(delays, 0.95)),
  };
}

/** Through the terminal, as a second client of the same core. */
function cli(...args: string[]): ChildProcess {
  const command = [join(root, 'src/main/cli.ts'), '--data', join(folder, 'data'), ...args];
  return spawn(process.execPath, command, { stdio: 'ignore' });
}

/** Heap of the page over many short answers of one conversation; its messages are in there, since they are on screen. */
async function memory(from: Browser): Promise<object> {
  const page = await newPage(from);
  const heapMB: number[] = [];
  const owners: Awaited<ReturnType<typeof heapByOwner>>[] = [];
  for (let i = 0; i < sizes.answers; i++) {
    await page.getByRole('textbox', { name: 'Message' }).fill(`Say the number ${String(i)}.`);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    await page.waitForTimeout(300);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Send' }).waitFor();
    if (i < sizes.warmUp || i % 5 !== 0) continue;
    heapMB.push(round((await heapBytes(page)) / 1e6));
    if (i % 20 === 0) owners.push(await heapByOwner(page));
  }
  await page.context().close();
  const kBPerAnswer = (values: readonly number[]): number => round(slope(values) / 20 / 1e3);
  return {
    answers: sizes.answers,
    heapMB,
    slopeKBPerAnswer: round((slope(heapMB) / 5) * 1e3),
    // code that gets warm grows the heap for longer than the warm-up: what is left of the slope by the end
    lateSlopeKBPerAnswer: round((slope(heapMB.slice(heapMB.length / 2)) / 5) * 1e3),
    owners: {
      own: kBPerAnswer(owners.map(({ own }) => own)),
      messages: round(messageBytes(join(folder, 'data')) / 1e3 / sizes.answers),
      code: kBPerAnswer(owners.map(({ code }) => code)),
      browser: kBPerAnswer(owners.map(({ browser }) => browser)),
    },
  };
}

/** Characters of the newest conversation's messages as the page gets them. */
function messageBytes(dataFolder: string): number {
  const asked = (...args: string[]): string =>
    execFileSync(
      process.execPath,
      [join(root, 'src/main/cli.ts'), '--data', dataFolder, '--json', 'conversations', ...args],
      { maxBuffer: 2 ** 30 },
    ).toString();
  const { conversations } = JSON.parse(asked('list')) as {
    conversations: { conversation: { id: string } }[];
  };
  const id = conversations[0]?.conversation.id ?? '';
  const { messages } = JSON.parse(asked('show', id)) as { messages: object[] };
  return JSON.stringify(messages).length;
}

function round(value: number): number {
  return Number(value.toFixed(1));
}
