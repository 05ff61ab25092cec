/** axe-core over every view and dialog, in both themes and both languages: no violation of WCAG 2.2 A and AA. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  call,
  change,
  noChromium,
  noPage,
  openBrowser,
  openPage,
  screenshot,
  skippedWithoutChromium,
  skippedWithoutPage,
  startServe,
  type Serving,
} from './browser.ts';
import { noModel, skippedWithoutModel } from './harness.ts';
import { addShips } from './ships.ts';

const QUESTION = 'What is a harbour?';
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const DIALOG = 'dialog:modal';
const PART = 'interrupted.gguf';
const PAGES = ['general', 'chat', 'libraries', 'models', 'data', 'shortcuts', 'hardware', 'about'];

/** What is looked at, by name: how to get there, and what shows that it is there. */
const places: Readonly<Record<string, readonly [go: (page: Page) => Promise<unknown>, there: string]>> = {
  chat: [() => Promise.resolve(), 'main textarea, main [role=textbox]'],
  'chat with an answer': [(page) => page.getByText(QUESTION).first().click(), '[role=log]'],
  'menu of the chat': [
    (page) => page.locator('main .bar [aria-haspopup=menu]').last().click(),
    ':popover-open',
  ],
  library: [
    (page) => page.getByText('Ships', { exact: true }).first().click(),
    'main [role=tree], main table',
  ],
  'reading of a library': [
    async (page) => {
      await page.locator('main header [aria-haspopup=menu]').last().click();
      await page.locator(':popover-open [role=menuitem]').nth(2).click();
    },
    DIALOG,
  ],
  // with a download that was interrupted
  models: [(page) => page.keyboard.press('Control+Shift+M'), `main:has-text("${PART}") table`],
  trash: [(page) => page.locator('.side-end .row').nth(1).click(), 'main table'],
  confirmation: [(page) => page.locator('main .btn.danger').click(), DIALOG],
  shortcuts: [(page) => page.keyboard.press('Control+/'), DIALOG],
  export: [(page) => page.keyboard.press('Control+Shift+E'), `${DIALOG} pre`],
  ...Object.fromEntries(
    PAGES.map((name, index) => [
      `settings, ${name}`,
      [
        async (page: Page) => {
          await page.keyboard.press('Control+,');
          await page.getByRole('tab').nth(index).click();
        },
        `${DIALOG} [role=tabpanel]`,
      ] as const,
    ]),
  ),
  import: [
    async (page) => {
      await page.keyboard.press('Control+,');
      await page.getByRole('tab').nth(PAGES.indexOf('data')).click();
      await page.locator('[data-opens=import]').click();
    },
    `${DIALOG} .zone`,
  ],
};

const skip = noChromium || noPage || noModel;
const skipped = `${skippedWithoutChromium}${skippedWithoutPage}${skippedWithoutModel}`;

describe.skipIf(skip)(`axe${skipped}`, () => {
  const files = mkdtempSync(join(tmpdir(), 'longleaf-axe-'));
  let serving: Serving;
  let browser: Browser;

  beforeAll(async () => {
    serving = await startServe();
    interruptDownload(join(serving.dataFolder, 'models'));
    browser = await openBrowser();
    const page = await openPage(browser, serving.url);
    await fill(page, files);
    await page.context().close();
  });
  afterAll(async () => {
    await browser?.close();
    await serving?.close();
    rmSync(files, { recursive: true, force: true });
  });

  describe.each(['light', 'dark'] as const)('%s', (theme) => {
    it.each(['en', 'ja'] as const)('%s: every view and dialog', async (language) => {
      const page = await openPage(browser, serving.url, {
        settings: { 'appearance.theme': theme, 'appearance.language': language },
        reducedMotion: 'reduce',
      });
      await expect.poll(() => page.locator('html').getAttribute('lang')).toBe(language);
      const found: string[] = [];
      for (const [name, [go, there]] of Object.entries(places)) {
        await go(page);
        await page.locator(there).first().waitFor();
        await screenshot(page, `${name.replaceAll(/\W+/g, '-')}-${theme}-${language}`);
        found.push(...(await violations(page)).map((violation) => `${name}: ${violation}`));
        await page.keyboard.press('Escape');
      }
      await page.context().close();
      expect(found).toEqual([]);
    });
  });

  it('the first run', async () => {
    const fresh = await startServe();
    const page = await browser.newPage({ reducedMotion: 'reduce' });
    await page.goto(fresh.url);
    const found: string[] = [];
    for (const theme of ['light', 'dark'] as const) {
      for (const language of ['en', 'ja'] as const) {
        await change(page, { 'appearance.theme': theme, 'appearance.language': language });
        await page.locator(`[data-theme=${theme}]:lang(${language}) main.first .zone`).waitFor();
        await screenshot(page, `welcome-${theme}-${language}`);
        found.push(...(await violations(page)).map((violation) => `${theme} ${language}: ${violation}`));
      }
    }
    await fresh.close();
    expect(found).toEqual([]);
  });
});

/** What an interrupted download leaves. */
function interruptDownload(models: string): void {
  const note = { url: `https://models.example/${PART}`, validator: null, bytes: 1000, statedSha256: null };
  writeFileSync(join(models, `${PART}.part`), new Uint8Array(100));
  writeFileSync(join(models, `${PART}.part.json`), JSON.stringify(note));
}

/** Something in every list: a library, an answered question, a conversation in the trash. */
async function fill(page: Page, folder: string): Promise<void> {
  await addShips(page, folder);
  const kept = await call(page, 'conversations.create', { library: 'Ships' });
  await page.reload();
  await call(page, 'conversations.change', { id: kept.id, title: QUESTION });
  await page.getByText(QUESTION).first().click();
  await page.getByRole('textbox', { name: 'Message' }).fill(QUESTION);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Regenerate' }).first().waitFor();
}

/** Violations as lines that say what and where. */
async function violations(page: Page): Promise<readonly string[]> {
  await page.addScriptTag({ path: axeFile }).catch(() => page.evaluate(axe.source));
  const results = await page.evaluate(
    (tags) =>
      (window as unknown as { axe: typeof axe }).axe.run(document, {
        runOnly: { type: 'tag', values: tags },
        resultTypes: ['violations'],
      }),
    TAGS,
  );
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} at ${target.join(' ')}: ${failureSummary ?? ''}`),
  );
}
