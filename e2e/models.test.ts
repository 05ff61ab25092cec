import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeTinyLlama } from '../src/main/formats/testing/index.ts';
import {
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

const skip = noChromium || noPage || noModel;
const skipped = `${skippedWithoutChromium}${skippedWithoutPage}${skippedWithoutModel}`;

describe.skipIf(skip)(`the models page${skipped}`, () => {
  const gguf = Buffer.from(encodeTinyLlama());
  const sha256 = createHash('sha256').update(gguf).digest('hex');
  let hub: Server;
  let serving: Serving;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    hub = createServer((_, response) => response.writeHead(200, { 'content-length': gguf.length }).end(gguf));
    await new Promise<void>((resolve) => hub.listen(0, '127.0.0.1', resolve));
    serving = await startServe();
    browser = await openBrowser();
    page = await openPage(browser, serving.url);
    await page.keyboard.press('Control+Shift+M');
    await page.locator('main table').waitFor();
  });
  afterAll(async () => {
    hub?.close();
    await browser?.close();
    await serving?.close();
  });
  const button = (name: string) => page.getByRole('button', { name });
  const download = async (hash: string) => {
    await page
      .getByRole('textbox', { name: 'Address of a GGUF file' })
      .fill(`http://127.0.0.1:${(hub.address() as AddressInfo).port}/small.gguf`);
    await page.getByRole('textbox', { name: 'SHA-256, if known' }).fill(hash);
    await button('Download from this address').click();
  };

  it('takes a model from an address when its hash is right, checks it again, and removes it', async () => {
    const models = join(serving.dataFolder, 'models');
    await download('0'.repeat(64));
    await page.getByRole('alert').getByText(sha256).waitFor();
    expect(readdirSync(models).filter((name) => name.startsWith('small'))).toEqual([]);
    await download(sha256.toUpperCase());
    await page.getByRole('radio', { name: 'Answer with small' }).waitFor();
    await button('small').click();
    await button('Check the file again').click();
    await page.getByText('It is as it was when it came.').waitFor();
    await page.getByText('not stated').waitFor();
    await button('Remove model').click();
    await page.locator('dialog:modal .btn.danger').click();
    await page.getByRole('radio', { name: 'Answer with small' }).waitFor({ state: 'detached' });
    expect(readdirSync(models).filter((name) => name.startsWith('small'))).toEqual([]);
  });

  it('says what the model needs, and measures this machine', async () => {
    for (const part of ['Weights', 'Keys and values', 'Working space', 'Free memory'])
      await page.getByRole('term').filter({ hasText: part }).waitFor();
    await button('Measure this machine').click();
    await page.getByText('Measured on this machine with this model.').waitFor({ timeout: 60_000 });
    expect(await page.getByText(/tokens\/s/).count()).toBe(2);
  });
});
