/**
 * Pictures of what is seldom seen, kept in out/screenshots and meant to be looked at: narrow windows, nothing there,
 * errors, very long names and chats, names from right to left. Every view in both themes and languages is in axe.test.ts.
 * What a machine can see of it is tested: nothing scrolls sideways, no text is larger than the place it has in a bar.
 */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import iconv from 'iconv-lite';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  call,
  drop,
  noChromium,
  noPage,
  openBrowser,
  openPage,
  PATIENT_MS,
  screenshot,
  skippedWithoutChromium,
  skippedWithoutPage,
  startServe,
  type PageOptions,
  type Serving,
} from './browser.ts';
import { noModel, skippedWithoutModel } from './harness.ts';

const LONG_NAME = `The complete papers of the harbour master of Valparaíso, ${'with all appendices, '.repeat(6)}1841`;
const RIGHT_TO_LEFT = 'מסמכי הנמל — أوراق الميناء (1841)';
const ONE_WORD = 'Donaudampfschifffahrtsgesellschaftskapitänskajütenschlüssel'.repeat(3);
const LONG_CHAT = 'A chat of 400 messages';

const skip = noChromium || noPage || noModel;
const skipped = skippedWithoutChromium + skippedWithoutPage + skippedWithoutModel;

const ENGLISH = { 'appearance.theme': 'light', 'appearance.language': 'en' } as const;

const modes: Readonly<Record<string, PageOptions>> = {
  wide: { settings: ENGLISH },
  narrow: { settings: ENGLISH, viewport: { width: 960, height: 640 } },
  'narrow-dark-ja': {
    settings: { 'appearance.theme': 'dark', 'appearance.language': 'ja' },
    viewport: { width: 960, height: 640 },
  },
};

/** How to get there from a fresh page; what is opened is closed with Escape. */
const places: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
  'empty-chat': (page) => page.locator('textarea').waitFor(),
  'long-chat': async (page) => {
    await page.getByText(LONG_CHAT).first().click();
    await page.locator('.part .katex').last().waitFor();
  },
  'chat-settings': async (page) => {
    await page.locator('main .bar [aria-haspopup=menu]').last().click();
    await page.locator(':popover-open [role^=menuitem]').first().waitFor();
  },
  search: async (page) => {
    await page.getByRole('searchbox').first().fill('harbour');
    await page.locator('mark').first().waitFor();
  },
  library: async (page) => {
    await page.getByRole('searchbox').first().fill('');
    await page.getByText(LONG_NAME).first().click();
    await page.locator('main [role=treeitem]').first().waitFor();
  },
  document: async (page) => {
    // the one folder that everything lies in is open already
    await page.locator('main [role=treeitem]').getByText('code.ts').click();
    await page.getByText('berthOf').first().waitFor();
  },
  models: async (page) => {
    await page.keyboard.press('Control+Shift+M');
    await page.locator('main table').waitFor();
  },
  settings: async (page) => {
    await page.keyboard.press('Control+,');
    await page.locator('dialog:modal [role=tabpanel]').waitFor();
  },
  shortcuts: async (page) => {
    await page.keyboard.press('Control+/');
    await page.locator('dialog:modal').waitFor();
  },
};

describe.skipIf(skip)(`views${skipped}`, () => {
  const files = mkdtempSync(join(tmpdir(), 'longleaf-views-'));
  let serving: Serving;
  let browser: Browser;

  beforeAll(async () => {
    writeFiles(files);
    serving = await startServe();
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

  it.each(Object.keys(modes))('%s: nothing scrolls sideways, whatever the names', async (mode) => {
    const page = await openPage(browser, serving.url, modes[mode]);
    const found: string[] = [];
    for (const [name, go] of Object.entries(places)) {
      await go(page);
      await screenshot(page, `${mode}-${name}`);
      found.push(...(await sideways(page)).map((what) => `${name}: ${what}`));
      await page.keyboard.press('Escape');
    }
    await page.context().close();
    expect(found).toEqual([]);
  });

  it('what is dropped, before and after', async () => {
    for (const [mode, options] of Object.entries(modes)) {
      const page = await openPage(browser, serving.url, options);
      await drop(page, [join(files, 'papers')], () => screenshot(page, `${mode}-drop`));
      await page.locator('dialog:modal .btn.primary').waitFor();
      await page.locator('dialog:modal .map svg, dialog:modal .map canvas').first().waitFor();
      await screenshot(page, `${mode}-add`);
      expect(await sideways(page)).toEqual([]);
      await page.context().close();
    }
  });

  it('without a model it says so and where to get one, and takes no question', async () => {
    const fresh = await startServe({ withModel: false });
    onTestFinished(() => fresh.close());
    const page = await openPage(browser, fresh.url);
    await page.getByRole('textbox', { name: 'Message' }).fill('Is anybody there?');
    expect(await page.getByRole('button', { name: 'Send' }).getAttribute('aria-disabled')).toBe('true');
    await screenshot(page, 'no-model-chat');
    await page.getByRole('region', { name: 'Chat' }).getByRole('button', { name: 'Models' }).click();
    await page.getByRole('button', { name: 'Import GGUF' }).waitFor();
    // the draft is kept meanwhile, and does not call back to the chat
    await page.getByRole('region', { name: 'Conversations' }).getByText('New chat').waitFor();
    await page.getByRole('button', { name: 'Import GGUF' }).waitFor();
    await screenshot(page, 'no-model-models');
    await page.context().close();
  });

  it('files that changed on disk are noticed when somebody comes back, with what an update costs', async () => {
    const fresh = await startServe();
    const folder = mkdtempSync(join(tmpdir(), 'longleaf-changed-'));
    onTestFinished(async () => {
      await fresh.close();
      rmSync(folder, { recursive: true });
    });
    writeFiles(folder);
    const page = await openPage(browser, fresh.url, { settings: ENGLISH });
    await page.locator('textarea').waitFor();
    await fill(page, folder);
    appendFileSync(join(folder, 'papers/code.ts'), '// one more line\n');
    await page.evaluate(() => window.dispatchEvent(new Event('focus')));
    const row = page.getByRole('region', { name: 'Libraries' });
    await row.getByText('1 changed').waitFor();
    await row.getByText(LONG_NAME).click();
    await page.getByText('1 file has changed on disk.').waitFor();
    await page.getByRole('button', { name: /^Update, about/ }).click();
    await row.getByText('1 changed').waitFor({ state: 'detached' });
    await page.getByText('1 file has changed on disk.').waitFor({ state: 'detached' });
    await page.context().close();
  });

  it('a guessed encoding is shown, and another one reads the file anew', async () => {
    const fresh = await startServe();
    const folder = mkdtempSync(join(tmpdir(), 'longleaf-encoding-'));
    onTestFinished(async () => {
      await fresh.close();
      rmSync(folder, { recursive: true });
    });
    mkdirSync(join(folder, 'papers'));
    const sentence = '吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。';
    writeFileSync(join(folder, 'papers/neko.txt'), iconv.encode(`${sentence}\n`.repeat(3), 'shift_jis'));
    const page = await openPage(browser, fresh.url, { settings: ENGLISH });
    await page.locator('textarea').waitFor();
    await fill(page, folder);
    await page.getByText(LONG_NAME).first().click();
    await page.locator('main [role=treeitem]').getByText('neko.txt').click();
    await page.getByText(sentence).first().waitFor();
    const choice = page.getByRole('combobox', { name: 'Encoding' });
    await page.getByText('cp932, guessed').waitFor({ state: 'attached' });
    await screenshot(page, 'encoding');
    await choice.selectOption('windows-1252');
    await page.getByText(/^Œá/).first().waitFor();
    expect(await page.getByText(sentence).count()).toBe(0);
    await choice.selectOption('auto');
    await page.getByText(sentence).first().waitFor();
    await page.context().close();
  });

  it('a long chat opens by its end; its beginning, and what is found in the middle, are reached', async () => {
    const page = await openPage(browser, serving.url, { settings: ENGLISH });
    const log = page.getByRole('log', { name: 'Messages' });
    await page.getByText(LONG_CHAT).first().click();
    await log.getByText('Question 200:').waitFor();
    // what lies before has come: the end is still in view, and the beginning is at the top
    const height = () => log.evaluate((element) => element.scrollHeight);
    await expect.poll(height, { timeout: PATIENT_MS }).toBeGreaterThan(20_000);
    await log.getByText('Question 200:').waitFor();
    // the place is kept while earlier messages still come: then the beginning is further up
    const atBeginning = async () => {
      await log.evaluate((element) => element.scrollTo(0, 0));
      return log.getByText(/^Question 1:/).isVisible();
    };
    await expect.poll(atBeginning, { timeout: PATIENT_MS }).toBe(true);

    await page.getByRole('searchbox', { name: 'Search conversations' }).fill('harbour of year 100');
    await page
      .getByRole('region', { name: 'Search results' })
      .getByText(/year\s100/)
      .first()
      .click();
    await log.getByText('The harbour of year 100 is').waitFor();
    await page.context().close();
  });

  it('without the core it says so and keeps what is on the screen', async () => {
    const page = await openPage(browser, serving.url, { settings: ENGLISH });
    await page.getByText(LONG_CHAT).first().click();
    await page.locator('.part').last().waitFor();
    await serving.kill();
    await page.getByText('The program behind this page has stopped.').waitFor();
    await screenshot(page, 'connection-lost');
    expect(await page.locator('.part').count()).toBeGreaterThan(0);
    expect(await sideways(page)).toEqual([]);
  });
});

function writeFiles(folder: string): void {
  const papers = join(folder, 'papers');
  mkdirSync(join(papers, RIGHT_TO_LEFT), { recursive: true });
  const put = (name: string, text: string) => writeFileSync(join(papers, name), text);
  put(join(RIGHT_TO_LEFT, 'first.md'), '# Harbour\n\nA harbour is where ships are safe from the sea.\n');
  put(`${ONE_WORD.slice(0, 180)}.md`, `# ${ONE_WORD}\n\n${'A long story of the harbour. '.repeat(400)}\n`);
  put(
    'code.ts',
    'export function berthOf(ship: string): number {\n  return ship.length % 31;\n}\n'.repeat(40),
  );
  put('港の記録.txt', '港は船が海から守られる場所である。'.repeat(60));
  put('left-out.bin', '\0\x01\x02'.repeat(100));
}

async function fill(page: Page, folder: string): Promise<void> {
  await call(page, 'jobs.start', { kind: 'add', name: LONG_NAME, paths: [join(folder, 'papers')] });
  const indexed = async () => (await call(page, 'library.list', {}))[0]?.status === 'indexed';
  await vi.waitUntil(indexed, { timeout: PATIENT_MS, interval: 200 });
  const file = join(folder, 'claude.json');
  writeFileSync(
    file,
    JSON.stringify([chatOf(LONG_CHAT, 200), chatOf(RIGHT_TO_LEFT, 1), chatOf(LONG_NAME, 1)]),
  );
  await call(page, 'conversations.import', { file });
}

/** As Claude exports it. */
function chatOf(name: string, turns: number): object {
  const message = (sender: string, text: string, at: number) => ({
    uuid: crypto.randomUUID(),
    sender,
    text,
    created_at: new Date(Date.UTC(2026, 0, 1, 0, 0, at)).toISOString(),
  });
  return {
    uuid: crypto.randomUUID(),
    name,
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-02T00:00:00Z',
    chat_messages: Array.from({ length: turns }, (_, turn) => [
      message(
        'human',
        `Question ${turn + 1}: ${turn % 9 === 0 ? ONE_WORD : 'what of the harbour?'}`,
        2 * turn,
      ),
      message('assistant', answerOf(turn), 2 * turn + 1),
    ]).flat(),
  };
}

function answerOf(turn: number): string {
  return [
    `The harbour of year ${turn} is *safe*, and **deep**. ${turn % 7 === 0 ? ONE_WORD : ''}`,
    '| Ship | Berth | Draught in metres, as the harbour master wrote it down |\n|:--|--:|:-:|\n| Adela | 7 | 3.2 |',
    `\`\`\`ts\nconst berth = ships.filter((ship) => ship.draught < ${turn}).map((ship) => ship.berth).toSorted().at(-1) ?? null;\n\`\`\``,
    '$$\\int_0^1 x^2\\,dx = \\frac13$$',
    'ميناء آمن للسفن. 港は安全です。',
  ].join('\n\n');
}

/** What is too wide for its place: the page, what hangs over the window's edge, and what is cut without an ellipsis. */
function sideways(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const nameOf = (element: Element) => `${element.tagName} ${element.getAttribute('class') ?? ''}`;
    const wide = document.documentElement.scrollWidth - innerWidth;
    const found = wide > 0 ? [`the page is ${wide} px too wide`] : [];
    for (const element of document.querySelectorAll('body *')) {
      const { left, right, width, height } = element.getBoundingClientRect();
      if (width < 2 || height < 2 || element.closest('svg, .katex, .visually-hidden')) continue;
      const { overflowX, textOverflow } = getComputedStyle(element);
      const scrolls = element.closest('pre, table, textarea, [class*=scroll]') !== null;
      if (overflowX === 'visible' && !scrolls && (right > innerWidth + 1 || left < -1))
        found.push(`${nameOf(element)} hangs over`);
      const tooWide = element.scrollWidth - element.clientWidth;
      if (overflowX === 'hidden' && textOverflow !== 'ellipsis' && tooWide > 1 && !scrolls)
        found.push(`${nameOf(element)} cuts ${tooWide} px`);
    }
    return found.slice(0, 5);
  });
}
