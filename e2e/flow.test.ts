/**
 * The main job in the page, as a new user does it: first run, drop a book, ask, open the citation, edit the question,
 * search, export in four formats, import back, restart: all there. Chromium, the real core, the real model.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  noChromium,
  noPage,
  openBrowser,
  PATIENT_MS,
  screenshot,
  skippedWithoutChromium,
  skippedWithoutPage,
  startServe,
} from './browser.ts';
import type { Serving } from './browser.ts';
import { noModel, noTestData, skippedWithoutModel, skippedWithoutTestData, testData } from './harness.ts';

const reasons = skippedWithoutChromium + skippedWithoutPage + skippedWithoutModel + skippedWithoutTestData;
const question = "What is the name of Captain Ahab's ship?";

describe.skipIf(noChromium || noPage || noModel || noTestData)(`the main job in the page${reasons}`, () => {
  let serving: Serving;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    serving = await startServe();
    browser = await openBrowser();
    page = await open(serving.url);
  });
  afterAll(async () => {
    await browser?.close();
    await serving?.close();
  });

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await screenshot(page, 'flow-failed');
  });

  async function open(url: string): Promise<Page> {
    const context = await browser.newContext({
      viewport: { width: 1440, height: 900 },
      locale: 'en-GB',
      acceptDownloads: true,
    });
    const opened = await context.newPage();
    opened.setDefaultTimeout(PATIENT_MS);
    await opened.goto(url);
    return opened;
  }

  const chat = () => page.getByRole('region', { name: 'Chat' });
  const answered = () => page.getByRole('button', { name: 'Send' }).waitFor();

  it('first run: says what it needs, takes a dropped book, and previews it', async () => {
    await page.getByText('Something to read').waitFor();
    await screenshot(page, 'flow-1-first-run');
    await dropFile(page, join(testData, 'epub3-samples/moby-dick.epub'), /library/i);
    const dialog = page.getByRole('dialog', { name: 'Add to library' });
    await dialog.getByText('moby-dick.epub').first().waitFor();
    await screenshot(page, 'flow-2-preview');
    await dialog.getByRole('button', { name: /^Add and/ }).click();
    await dialog.waitFor({ state: 'hidden' });
    await page.getByText('301,000 tokens, indexed').waitFor();
  });

  it('answers with a citation that opens the passage', async () => {
    await page.getByRole('textbox', { name: 'Your question' }).fill(question);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    await answered();
    await screenshot(page, 'flow-3-answer');
    expect(await page.getByRole('log', { name: 'Messages' }).innerText()).toContain('Pequod');
    await page
      .getByRole('link', { name: 'Passage 1' })
      .or(page.getByRole('button', { name: 'Passage 1' }))
      .first()
      .click();
    const context = page.getByRole('region', { name: 'Context' });
    await context.getByText('Verified').waitFor();
    expect(await context.locator('mark').first().innerText()).toMatch(/Pequod/);
    await screenshot(page, 'flow-4-passage');
    await context.getByText('Open page').click();
    await page.locator('mark').first().waitFor();
    await screenshot(page, 'flow-5-page');
  });

  it('keeps the old question as a branch when it is edited', async () => {
    await page.getByRole('region', { name: 'Conversations' }).getByText(question).first().click();
    await chat().getByText(question).first().hover();
    await page.getByRole('button', { name: 'Edit message' }).first().click();
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type('Who is the captain of the Pequod?');
    await page.keyboard.press('Enter');
    await answered();
    await chat().getByText('Who is the captain of the Pequod?').first().hover();
    await page.getByText('2 of 2').first().waitFor();
    await screenshot(page, 'flow-6-branch');
    await page.getByRole('button', { name: 'Branch before' }).first().click();
    await chat().getByText(question).first().waitFor();
  });

  it('finds the conversation by its words', async () => {
    await page.getByRole('searchbox', { name: 'Search conversations' }).fill('Ahab');
    await page.getByRole('region', { name: 'Search results' }).locator('mark').first().waitFor();
    await screenshot(page, 'flow-7-search');
    await page.getByRole('searchbox', { name: 'Search conversations' }).fill('');
  });

  let exported: string;

  it('exports in four formats', async () => {
    for (const [name, begins] of [
      ['Markdown', '---'],
      ['HTML', '<!doctype html>'],
      ['PDF', '%PDF-'],
      ['JSON', '{'],
    ] as const) {
      await page.getByRole('button', { name: 'Export conversation' }).click();
      const dialog = page.getByRole('dialog', { name: 'Export' });
      await dialog.getByRole('radio', { name: new RegExp(`^${name}`) }).click();
      if (name === 'JSON') await screenshot(page, 'flow-8-export');
      const download = page.waitForEvent('download');
      await dialog.getByRole('button', { name: 'Export' }).click();
      const saved = await download;
      exported = join(serving.dataFolder, '..', saved.suggestedFilename());
      await saved.saveAs(exported);
      expect(readFileSync(exported, 'latin1').slice(0, 200).trimStart().toLowerCase()).toMatch(
        new RegExp(`^${begins.toLowerCase()}`),
      );
    }
  });

  it('imports the JSON back after the original was moved to the trash and deleted for good', async () => {
    const row = page.getByRole('region', { name: 'Conversations' }).getByText(question).first();
    await row.click();
    await row.press('Shift+F10');
    await page.getByRole('menuitem', { name: 'Move to trash' }).click();
    await page.getByRole('button', { name: 'Undo' }).waitFor();
    await expect.poll(() => row.count()).toBe(0);
    await page.getByText('Trash', { exact: true }).first().click();
    await page
      .getByRole('button', { name: /Delete for good/ })
      .first()
      .click();
    await page
      .getByRole('alertdialog')
      .or(page.getByRole('dialog'))
      .getByRole('button', { name: /Delete/ })
      .click();
    await screenshot(page, 'flow-9-trash');
    await dropFile(page, exported);
    await row.waitFor();
    await page.keyboard.press('Escape');
  });

  it('has everything after a restart', async () => {
    serving = await serving.restart();
    await page.context().close();
    page = await open(serving.url);
    const conversations = page.getByRole('region', { name: 'Conversations' });
    await conversations.getByText(question).first().waitFor();
    expect(await conversations.getByText(question).count()).toBe(1);
    await page.getByRole('region', { name: 'Libraries' }).getByText('moby-dick').first().waitFor();
    await conversations.getByText(question).first().click();
    await chat().getByText('Pequod').first().waitFor();
    await screenshot(page, 'flow-10-restart');
  });
});

/** A real drop from the desktop, as the browser gets it from the system: over the first target that has `target`. */
async function dropFile(page: Page, path: string, target?: RegExp): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  const drag = (type: 'dragEnter' | 'dragOver' | 'drop', x: number, y: number) =>
    session.send('Input.dispatchDragEvent', { type, x, y, data });
  await drag('dragEnter', 700, 400);
  await drag('dragOver', 700, 400);
  const over = page.locator('.target', target === undefined ? {} : { hasText: target }).first();
  const box = await over.boundingBox();
  if (box === null) throw new Error('The overlay has no such target.');
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await drag('dragOver', x, y);
  await drag('drop', x, y);
  await session.detach();
}
