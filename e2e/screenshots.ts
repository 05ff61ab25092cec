/**
 * The pictures of the README, from the real app with the real model: docs/screenshots/{first-run,chat,library}.png.
 *
 *   node boot.mjs run e2e/screenshots.ts
 *
 * It needs Chromium and the built page, and takes a few minutes: the library is being read while its picture is taken.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { call, change, openBrowser, openPage, startServe } from './browser.ts';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'docs/screenshots');
const LARGEST_KB = 200;
const SIZE = { width: 1280, height: 800 };
/** of the library: enough to see what is read and what is not */
const SHARE_READ = 0.45;

/** of bench/questions, each in a conversation of its own; the last one is in the picture */
const QUESTIONS = [
  'What is the name of the island that Queequeg was a native of?',
  "What is the name of Captain Ahab's ship?",
  'Of what place was Stubb, the second mate, a native?',
];

async function picture(page: Page, name: string): Promise<void> {
  const path = join(folder, `${name}.png`);
  await page.mouse.move(0, 0);
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path });
  const kilobytes = statSync(path).size / 1_000;
  process.stdout.write(`${name}.png ${kilobytes.toFixed(0)} kB\n`);
  if (kilobytes > LARGEST_KB) throw new Error(`${name}.png is larger than ${LARGEST_KB} kB.`);
}

async function firstRun(browser: Browser, url: string): Promise<void> {
  const page = await browser.newPage({ viewport: SIZE, locale: 'en-GB' });
  await page.goto(url);
  await page
    .getByText(/Ready, /)
    .first()
    .waitFor();
  await page.getByRole('button', { name: 'Moby-Dick' }).waitFor();
  await picture(page, 'first-run');
  await page.getByRole('button', { name: 'Moby-Dick' }).click();
  await page.getByText(/tokens, indexed/).waitFor({ timeout: 120_000 });
  await change(page, { 'app.welcomed': true });
  await page.close();
}

async function chat(page: Page): Promise<void> {
  for (const question of QUESTIONS) {
    await page.getByRole('button', { name: 'New chat' }).click();
    await page.getByRole('radio', { name: 'Moby-Dick' }).check();
    await page.getByRole('textbox', { name: 'Message' }).fill(question);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    await page.getByRole('button', { name: 'Send' }).waitFor({ timeout: 180_000 });
  }
  await page.getByRole('region', { name: 'Context' }).getByText('Verified').first().waitFor();
  await picture(page, 'chat');
}

async function library(page: Page): Promise<void> {
  const paths = [join(root, 'src/main/store')];
  await call(page, 'jobs.start', { kind: 'add', name: 'store', paths, read: 'always' });
  await page.getByRole('region', { name: 'Libraries' }).getByText('store', { exact: true }).click();
  const progress = page.getByRole('progressbar', { name: 'Reading store' });
  await progress.waitFor();
  const folderRow = page.getByRole('treeitem', { name: /^store/ });
  if ((await folderRow.getAttribute('aria-expanded')) !== 'true') await folderRow.click();
  await page.getByRole('tree').getByText('backup.ts', { exact: true }).click();
  const readOf = /Read\s+([\d,]+)\s+of\s+([\d,]+)/;
  for (let share = 0; share < SHARE_READ; await page.waitForTimeout(500)) {
    const [, read = '0', tokens = '1'] = readOf.exec(await page.locator('main').innerText()) ?? [];
    share = Number(read.replaceAll(',', '')) / Number(tokens.replaceAll(',', ''));
  }
  await picture(page, 'library');
}

mkdirSync(folder, { recursive: true });
const serving = await startServe();
const browser = await openBrowser();
try {
  await firstRun(browser, serving.url);
  const page = await openPage(browser, serving.url, { viewport: SIZE });
  await chat(page);
  await library(page);
} finally {
  await browser.close();
  await serving.close();
}
