import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
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
  PATIENT_MS,
  skippedWithoutChromium,
  skippedWithoutPage,
  startServe,
  type Serving,
} from './browser.ts';
import { noModel, skippedWithoutModel } from './harness.ts';

const skip = noChromium || noPage || noModel;
const skipped = `${skippedWithoutChromium}${skippedWithoutPage}${skippedWithoutModel}`;

/** of `expect.poll`, whose own patience is a second */
const PATIENT = { timeout: PATIENT_MS };

describe.skipIf(skip)(`the models page${skipped}`, () => {
  const gguf = Buffer.from(encodeTinyLlama());
  const sha256 = createHash('sha256').update(gguf).digest('hex');
  let hub: Server;
  let held = false;
  /** where each download began */
  const ranges: number[] = [];
  let serving: Serving;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    hub = createServer(({ headers }, response) => {
      const from = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
      ranges.push(from);
      const whole = from === 0 ? {} : { 'content-range': `bytes ${from}-${gguf.length - 1}/${gguf.length}` };
      response.writeHead(from === 0 ? 200 : 206, {
        ...whole,
        etag: `"${sha256}"`,
        'content-length': gguf.length - from,
      });
      // while it is held, half of the file comes, and no more
      if (held) response.write(gguf.subarray(from, gguf.length / 2));
      else response.end(gguf.subarray(from));
    });
    await new Promise<void>((resolve) => hub.listen(0, '127.0.0.1', resolve));
    serving = await startServe();
    browser = await openBrowser();
    page = await openPage(browser, serving.url);
    await page.keyboard.press('Control+Shift+M');
    await page.locator('main table').waitFor();
  });
  afterAll(async () => {
    hub?.closeAllConnections();
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

  it('shows how far a download is; cancelled, it is listed, also after a restart, and goes on or is discarded', async () => {
    const models = join(serving.dataFolder, 'models');
    const interrupted = () => page.getByRole('region', { name: 'Interrupted downloads' });
    held = true;
    await download(sha256);
    const progress = () => page.getByRole('progressbar', { name: 'Downloading small.gguf' });
    await expect.poll(() => progress().getAttribute('aria-valuenow'), PATIENT).toMatch(/^(49|50)$/);
    await page
      .getByText(/ of .*kB/)
      .first()
      .waitFor();
    await button('Cancel').click();
    await interrupted().getByText('small.gguf').waitFor();
    expect(readdirSync(models).filter((name) => name.startsWith('small'))).toEqual([
      'small.gguf.part',
      'small.gguf.part.json',
    ]);

    await page.context().close();
    serving = await serving.restart();
    page = await openPage(browser, serving.url);
    await page.keyboard.press('Control+Shift+M');
    held = false;
    await button('Go on with the download of small.gguf').click();
    await page.getByRole('radio', { name: 'Answer with small' }).waitFor();
    expect(ranges.at(-1)).toBe(Math.floor(gguf.length / 2));
    await interrupted().waitFor({ state: 'detached' });

    await button('small').click();
    await button('Remove model').click();
    await page.locator('dialog:modal .btn.danger').click();
    await page.getByRole('radio', { name: 'Answer with small' }).waitFor({ state: 'detached' });
    held = true;
    await download('');
    await expect.poll(() => progress().getAttribute('aria-valuenow'), PATIENT).toMatch(/^(49|50)$/);
    await button('Cancel').click();
    await button('Discard what has come of small.gguf').click();
    await interrupted().waitFor({ state: 'detached' });
    expect(readdirSync(models).filter((name) => name.startsWith('small'))).toEqual([]);
    held = false;
  });

  it('says what the model needs, and measures this machine', async () => {
    for (const part of ['Weights', 'Keys and values', 'Working space', 'Free memory'])
      await page.getByRole('term').filter({ hasText: part }).waitFor();
    await button('Measure this machine').click();
    await page.getByText('Measured on this machine with this model.').waitFor({ timeout: 60_000 });
    expect(await page.getByText(/tokens\/s/).count()).toBe(2);
    // what was made of its weights for that lies on the disk, is shown, and goes with it
    const packed = join(serving.dataFolder, 'models', 'SmolLM2-135M-Instruct.Q4_1.gguf.packed');
    await page.getByRole('term').filter({ hasText: 'Packed weights, on disk' }).waitFor();
    expect(statSync(packed).size).toBeGreaterThan(50e6);
    await button('Remove model').click();
    await page.locator('dialog:modal .btn.danger').click();
    await page.getByText('Download').first().waitFor();
    await expect.poll(() => existsSync(packed), PATIENT).toBe(false);
  });
});
