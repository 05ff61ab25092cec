/**
 * By keyboard alone (issue 4, Deliver 9): every control of every view and dialog is reached and shows that it has the
 * focus; and the daily work (ask, stop, edit, branch, rename, pin, folders, draft, trash and undo, search, export, a
 * shortcut of one's own) is done without a pointer. Chromium, the real core, the real model.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  call,
  noChromium,
  noPage,
  openBrowser,
  openPage,
  PATIENT_MS,
  skippedWithoutChromium,
  skippedWithoutPage,
  startServe,
  type Serving,
} from './browser.ts';
import { noModel, skippedWithoutModel } from './harness.ts';
import { addShips } from './ships.ts';

const skip = noChromium || noPage || noModel;
const skipped = skippedWithoutChromium + skippedWithoutPage + skippedWithoutModel;
const ENGLISH = { 'appearance.theme': 'light', 'appearance.language': 'en' } as const;

/** of `expect.poll`, whose own patience is a second */
const PATIENT = { timeout: PATIENT_MS };
/** Presses of Tab after which a walk counts as endless. */
const MOST_STOPS = 250;

describe.skipIf(skip)(`by keyboard alone${skipped}`, () => {
  const files = mkdtempSync(join(tmpdir(), 'longleaf-keyboard-'));
  let serving: Serving;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    serving = await startServe();
    browser = await openBrowser();
    page = await openPage(browser, serving.url, { settings: ENGLISH, reducedMotion: 'reduce' });
    await fill(page, files);
    await page.locator('textarea').waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    await serving?.close();
    rmSync(files, { recursive: true, force: true });
  });

  const keys = (...all: readonly string[]) => pressAll(page, all);
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
  const row = (title: string) =>
    page.getByRole('region', { name: 'Conversations' }).getByTitle(title, { exact: true });
  const box = () => page.getByRole('textbox', { name: 'Message' });

  /** Tab until the element has the focus. */
  async function tabTo(wanted: Locator): Promise<void> {
    await wanted.first().waitFor();
    for (let i = 0; i < MOST_STOPS; i++) {
      if (await wanted.first().evaluate((node) => node === document.activeElement)) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`Tab does not reach ${String(wanted)}`);
  }

  /** Through the regions until one is reached that holds the focus. */
  async function goTo(region: string): Promise<void> {
    for (let i = 0; i < 12; i++) {
      const inside = page.getByRole('region', { name: region }).locator(':focus');
      if ((await inside.count()) > 0) return;
      await keys('F6');
    }
    throw new Error(`F6 does not reach ${region}`);
  }

  /** In the list of conversations: one tab stop, then the arrows. */
  async function toRow(title: string): Promise<void> {
    await row(title).waitFor();
    await goTo('Conversations');
    for (let i = 0; i < MOST_STOPS; i++) {
      if (await page.locator('[data-row]:focus').count()) break;
      await keys('Shift+Tab');
    }
    await keys('Home');
    for (let i = 0; i < 30; i++) {
      if (await row(title).evaluate((node) => node === document.activeElement)) return;
      await keys('ArrowDown');
    }
    throw new Error(`The arrows do not reach ${title}`);
  }

  async function choose(item: string): Promise<void> {
    const wanted = page.getByRole('menuitem', { name: item });
    await wanted.waitFor();
    for (let i = 0; i < 30; i++) {
      if (await wanted.evaluate((node) => node === document.activeElement)) return keys('Enter');
      await keys('ArrowDown');
    }
    throw new Error(`The arrows do not reach ${item}`);
  }

  const views: Readonly<Record<string, () => Promise<void>>> = {
    'a chat': async () => {
      await keys('Control+k');
      await page.keyboard.type('harbour');
      await page.getByRole('region', { name: 'Search results' }).locator('mark').first().waitFor();
      await keys('Enter');
      await page.getByRole('log', { name: 'Messages' }).waitFor();
    },
    'the search': () => page.getByRole('region', { name: 'Search results' }).waitFor(),
    'an empty chat': async () => {
      await keys('Control+k', 'Escape', 'Control+n');
      await page.getByRole('radio', { name: 'Ships' }).waitFor();
    },
    'a library': async () => {
      await goTo('Libraries');
      await tabTo(page.getByRole('region', { name: 'Libraries' }).locator('.open').first());
      await keys('Enter');
      await page.getByRole('treeitem').first().waitFor();
    },
    'a document': async () => {
      await tabTo(page.getByRole('tree'));
      await keys('Home', 'ArrowRight', 'ArrowDown', 'Enter');
      await page.getByText('safe from the sea').first().waitFor();
    },
    'the reading of a library': async () => {
      await goTo('Libraries');
      await tabTo(page.getByRole('button', { name: 'Ships: more' }));
      await keys('Enter');
      await choose('Reading');
      // what it is worth and what it costs stand where it is switched on
      const dialog = page.getByRole('dialog', { name: 'Reading Ships' });
      await dialog.getByText(/beside passages, reading far brought/).waitFor();
      await dialog.getByText(/takes about .* of disk/).waitFor();
    },
    'the models': () => keys('Control+Shift+M'),
    'the trash': async () => {
      await tabTo(page.getByRole('button', { name: /^Trash/ }));
      await keys('Enter');
      await page.getByRole('button', { name: 'Restore: Gone' }).waitFor();
    },
    'a question before what is final': async () => {
      await tabTo(page.getByRole('button', { name: 'Empty trash' }));
      await keys('Enter');
    },
    'the export': () => keys('Control+Shift+E'),
    'the shortcuts': () => keys('Control+/'),
    'the settings': () => keys('Control+,'),
  };
  const dialogs = [
    'the reading of a library',
    'a question before what is final',
    'the export',
    'the shortcuts',
  ];

  it('every control is reached, and shows that it has the focus', async () => {
    const found: string[] = [];
    for (const [name, open] of Object.entries(views)) {
      await open();
      if (dialogs.includes(name)) await page.locator('dialog:modal').waitFor();
      found.push(...(await walk(page)).map((fault) => `${name}: ${fault}`));
      if (dialogs.includes(name)) {
        await keys('Escape');
        await page.locator('dialog:modal').waitFor({ state: 'detached' });
      }
    }
    const tabs = page.getByRole('dialog', { name: 'Settings' }).getByRole('tab');
    await tabTo(page.getByRole('tab', { selected: true }));
    for (let i = 1; i < (await tabs.count()); i++) {
      await keys('ArrowDown');
      found.push(...(await walk(page)).map((fault) => `settings ${String(i)}: ${fault}`));
      await tabTo(page.getByRole('tab', { selected: true }));
    }
    await keys('Escape');
    expect(found).toEqual([]);
  });

  it('a question is asked, stopped, edited; its branches are gone through', async () => {
    await keys('Control+n', 'Shift+Escape');
    await page.keyboard.type('Tell me a long story about a lighthouse.');
    await keys('Enter');
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    await keys('Escape');
    await page.getByRole('button', { name: 'Send' }).waitFor();
    expect(await focused()).toBe('Message');
    await keys('ArrowUp');
    await page.locator('.thread textarea:focus').waitFor();
    await keys('Control+a');
    await page.keyboard.type('What is a pier?');
    await keys('Enter');
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    await page.getByRole('button', { name: 'Send' }).waitFor();
    const log = page.getByRole('log', { name: 'Messages' });
    await log.getByText('What is a pier?').waitFor();
    await keys('Alt+ArrowLeft');
    await log.getByText('Tell me a long story').waitFor();
    await keys('Alt+ArrowRight');
    await log.getByText('What is a pier?').waitFor();
  });

  it('a conversation is renamed, pinned, put into a folder, exported', async () => {
    await goTo('Conversations');
    await keys('F2', 'Control+a');
    await page.keyboard.type('Of piers');
    await keys('Enter');
    await row('Of piers').waitFor();
    await toRow('Of piers');
    await keys('Shift+F10');
    await choose('Pin');
    await row('Of piers').getByTitle('Pinned').waitFor();
    await toRow('Of piers');
    await keys('Shift+F10');
    await choose('Move to a new folder');
    await page.keyboard.type('Harbours');
    await keys('Enter');
    await expect
      .poll(async () => (await call(page, 'folders.list', {})).map(({ name }) => name), PATIENT)
      .toEqual(['Harbours']);
    await expect
      .poll(
        async () =>
          (await call(page, 'conversations.list', {})).find(
            ({ conversation }) => conversation.title === 'Of piers',
          )?.conversation,
        PATIENT,
      )
      .toMatchObject({ pinned: true, folderId: expect.any(String) as string });
    const download = page.waitForEvent('download');
    await keys('Control+Shift+E');
    await page.getByRole('dialog', { name: 'Export' }).waitFor();
    await tabTo(page.getByRole('dialog').getByRole('button', { name: 'Export', exact: true }));
    await keys('Enter');
    expect((await download).suggestedFilename()).toMatch(/^Of piers.*\.md$/);
    await page.locator('dialog:modal').waitFor({ state: 'detached' });
  });

  it('a draft waits in its conversation', async () => {
    await keys('Shift+Escape');
    await page.keyboard.type('half a thought');
    await keys('Control+n');
    await row('Of piers').getByText('draft', { exact: false }).waitFor();
    expect(await box().inputValue()).toBe('');
    await toRow('Of piers');
    await keys('Enter');
    await expect.poll(() => box().inputValue(), PATIENT).toBe('half a thought');
    await page.reload();
    await toRow('Of piers');
    await keys('Enter');
    await expect.poll(() => box().inputValue(), PATIENT).toBe('half a thought');
  });

  it('what went to the trash comes back by Undo', async () => {
    await toRow('Of piers');
    await keys('Shift+F10');
    await choose('Move to trash');
    await expect.poll(() => row('Of piers').count(), PATIENT).toBe(0);
    await goTo('Notices');
    await tabTo(page.getByRole('button', { name: 'Undo' }));
    await keys('Enter');
    await row('Of piers').waitFor();
  });

  it('a shortcut of one’s own works at once, and the old one no longer', async () => {
    await keys('Control+,');
    await tabTo(page.getByRole('tab', { selected: true }));
    await keys('End', 'ArrowUp', 'ArrowUp');
    await tabTo(page.getByRole('button', { name: 'Show or hide the sidebar: Ctrl+B' }));
    await keys('Enter', 'Alt+j');
    await page.getByRole('button', { name: /^Show or hide the sidebar.*Alt\+J/ }).waitFor();
    await keys('Escape');
    const sidebar = page.getByRole('region', { name: 'Conversations' });
    await keys('Control+b');
    expect(await sidebar.count()).toBe(1);
    await keys('Alt+j');
    await sidebar.waitFor({ state: 'detached' });
    await keys('Alt+j');
    await sidebar.waitFor();
  });
});

async function pressAll(page: Page, all: readonly string[]): Promise<void> {
  for (const key of all) await page.keyboard.press(key);
}

/** A library, an answered question in a conversation, another one in the trash. */
async function fill(page: Page, folder: string): Promise<void> {
  await addShips(page, folder);
  await page.reload();
  await page.getByRole('radio', { name: 'Ships' }).check();
  await page.getByRole('textbox', { name: 'Message' }).fill('What is a harbour?');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Regenerate' }).first().waitFor();
}

/**
 * Tab from here all the way round: what could be pressed or typed into and was never reached, and what was reached
 * without showing it. Members of a group that arrows go through (tree, menu, tabs, rows, radios) count as reached with
 * the group.
 */
async function walk(page: Page): Promise<readonly string[]> {
  await page.evaluate(() => {
    const scope = document.querySelector('dialog:modal') ?? document.body;
    const wanted = 'button, a[href], input, select, textarea, [role=slider], [role=tree], [tabindex="0"]';
    const visible = [...scope.querySelectorAll<HTMLElement>(wanted)].filter(
      (node) =>
        node.checkVisibility({ opacityProperty: false, visibilityProperty: true }) &&
        node.tabIndex >= 0 &&
        node.closest('[inert]') === null &&
        !(node as HTMLInputElement).disabled,
    );
    Object.assign(window, { walked: { visible, reached: new Set<Element>(), faults: [] as string[] } });
  });
  let first = true;
  for (let i = 0; i < MOST_STOPS; i++) {
    await page.keyboard.press('Tab');
    const round = await page.evaluate((isFirst) => {
      const { walked } = window as unknown as {
        walked: { visible: HTMLElement[]; reached: Set<Element>; faults: string[] };
      };
      const at = document.activeElement;
      if (at === null || at === document.body) return false;
      if (walked.reached.has(at)) return !isFirst;
      walked.reached.add(at);
      const shows = (node: Element | null): boolean => {
        if (node === null) return false;
        const { outlineStyle, outlineWidth } = getComputedStyle(node);
        return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1;
      };
      // a field shows it around its input, a slider on its track, a switch on its drawing
      const around = at.closest('.field, label, .map, .compose') ?? null;
      const active = document.getElementById(at.getAttribute('aria-activedescendant') ?? '');
      if (
        !at.matches(':focus-visible') ||
        !(
          shows(at) ||
          shows(around) ||
          [...at.children].some(shows) ||
          shows(at.nextElementSibling) ||
          shows(active)
        )
      )
        walked.faults.push(`no focus to be seen on ${at.outerHTML.slice(0, 140)}`);
      return false;
    }, first);
    first = false;
    if (round) break;
  }
  return page.evaluate(() => {
    const { walked } = window as unknown as {
      walked: { visible: HTMLElement[]; reached: Set<Element>; faults: string[] };
    };
    const grouped = (node: HTMLElement): boolean =>
      node instanceof HTMLInputElement && node.type === 'radio'
        ? walked.visible.some(
            (other) =>
              other instanceof HTMLInputElement && other.name === node.name && walked.reached.has(other),
          )
        : false;
    const missed = walked.visible.filter(
      (node) => node.isConnected && !walked.reached.has(node) && !grouped(node),
    );
    return [...walked.faults, ...missed.map((node) => `never reached: ${node.outerHTML.slice(0, 140)}`)];
  });
}
