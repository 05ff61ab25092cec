/**
 * The desktop app in a real Electron, as far as one is at hand: the old release that can be had from a package
 * registry, with stand-ins for newer APIs (e2e/electron/). It shows window, preload, frames, core and quit; the page
 * itself is tested in Chromium (e2e/app.test.ts).
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PATIENT_MS } from './browser.ts';
import { findRuntime } from './electron/runtime.ts';
import { model, noModel, skippedWithoutModel } from './harness.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const standIns = join(root, 'e2e', 'electron', 'old-main.cjs');

const runtime = findRuntime();
const missing = 'missing' in runtime ? runtime.missing : hasDisplay() ? null : 'no display and no Xvfb';
const skipped = missing === null ? skippedWithoutModel : ` (skipped: ${missing})`;

describe.skipIf(missing !== null || noModel)(`the desktop app${skipped}`, () => {
  let folder: string;
  let screen: ChildProcess | null = null;
  let app: ElectronApplication;
  let page: Page;
  const faults: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'longleaf-electron-'));
    await mkdir(join(folder, 'data', 'models'), { recursive: true });
    await copyFile(model, join(folder, 'data', 'models', basename(model)));
    if (!process.env['DISPLAY']) screen = await startScreen();
    [app, page] = await start();
  });
  afterAll(async () => {
    await app?.close();
    screen?.kill();
    await rm(folder, { recursive: true, force: true });
  });

  async function start(): Promise<[ElectronApplication, Page]> {
    const launched = await _electron.launch({
      executablePath: join('folder' in runtime ? runtime.folder : '', 'electron'),
      args: [
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        '-r',
        standIns,
        root,
        '--data',
        join(folder, 'data'),
      ],
      env: { ...definedEnvironment(), LONGLEAF_NODE: process.execPath },
    });
    const window = await launched.firstWindow();
    window.setDefaultTimeout(PATIENT_MS);
    window.on('pageerror', (error) => faults.push(error.stack ?? error.message));
    window.on('console', (message) => {
      if (/Content Security Policy|Trusted/.test(message.text())) faults.push(message.text());
    });
    return [launched, window];
  }

  it('shows the page of its own scheme, in a sandbox that has nothing of Node', async () => {
    expect(page.url()).toBe('app://longleaf/');
    const inside = await page.evaluate(() => ({
      require: typeof Reflect.get(window, 'require'),
      process: typeof Reflect.get(window, 'process'),
      buffer: typeof Reflect.get(window, 'Buffer'),
      origin: location.origin,
      bridge: Object.keys(Reflect.get(window, 'longleaf') as object).toSorted(),
    }));
    expect(inside).toEqual({
      require: 'undefined',
      process: 'undefined',
      buffer: 'undefined',
      origin: 'app://longleaf',
      // named calls only: what stands here is all that the page can ask of the system
      bridge: [
        'chooseFiles',
        'connect',
        'onAction',
        'onOpenFiles',
        'onQuit',
        'openExternal',
        'pathForFile',
        'platform',
        'safeMode',
        'saveFile',
        'showDataFolder',
      ],
    });
    const preferences = await app.evaluate(({ BrowserWindow }) =>
      // not in the declarations, and the only place that says what came of our options
      BrowserWindow.getAllWindows().map(({ webContents }) =>
        (webContents as unknown as { getLastWebPreferences(): object }).getLastWebPreferences(),
      ),
    );
    expect(preferences).toHaveLength(1);
    expect(preferences[0]).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
      allowRunningInsecureContent: false,
    });
  });

  it('refuses whatever is not one of its requests, and stays', async () => {
    const outcomes = await page.evaluate(async () => {
      const bridge = Reflect.get(window, 'longleaf') as unknown as Record<
        string,
        (...args: unknown[]) => unknown
      >;
      const nonsense = [
        undefined,
        null,
        0,
        -1,
        '',
        '\u0000',
        '../../etc/passwd',
        [],
        {},
        [[]],
        { kind: 'quit' },
      ];
      const said = new Set<string>();
      for (const name of ['chooseFiles', 'saveFile', 'openExternal']) {
        for (const value of nonsense) {
          const argument =
            name === 'chooseFiles' ? { folders: value } : name === 'saveFile' ? { fileName: value } : value;
          try {
            await bridge[name]?.(argument);
            said.add('nothing done');
          } catch (error) {
            said.add(/refused|convert|read prop|clone/.test(String(error)) ? 'refused' : String(error));
          }
        }
      }
      return [...said].toSorted();
    });
    expect(outcomes).toEqual(['nothing done', 'refused']);
    expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
  });

  it('answers about a file that was dropped', async () => {
    await page.getByRole('button', { name: 'Skip' }).click();
    const file = join(folder, 'harbour.txt');
    await writeFile(file, 'The harbour master of Lindesnes was called Torbjorn Aas. He kept eleven cats.\n');
    await dropFile(page, file);
    await page.getByText('harbour.txt').first().waitFor();
    await page.getByRole('textbox', { name: 'Message' }).fill('What was the harbour master called?');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('button', { name: 'Regenerate' }).first().waitFor();
    expect(await page.getByRole('log', { name: 'Messages' }).innerText()).toContain('harbour master');
    expect(faults).toEqual([]);
  });

  it('starts its core again when that is killed, and the conversation is still there', async () => {
    const before = await corePid();
    process.kill(before, 'SIGKILL');
    for (let waited = 0; waited < PATIENT_MS; waited += 250) {
      await page.waitForTimeout(250);
      if ((await corePid()) !== before) break;
    }
    expect(await corePid()).not.toBe(before);
    await page.getByText('harbour master').first().waitFor();
    await page.getByRole('textbox', { name: 'Message' }).waitFor();
  });

  it('quits, takes the core along, and comes back with everything', async () => {
    const pid = await corePid();
    const begin = performance.now();
    // the core of before was killed: the page has found the new one when a question could be sent
    await page.getByRole('textbox', { name: 'Message' }).fill('And');
    await page.locator('button[aria-label=Send]:not([aria-disabled])').waitFor();
    // typed just now: nobody but the page has it yet
    await page.getByRole('textbox', { name: 'Message' }).fill('And the cats?');
    // as most people quit: the window's own button
    const ended = app.waitForEvent('close');
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
    await ended;
    console.log(`quit after ${((performance.now() - begin) / 1_000).toFixed(1)} s`);
    expect(isAlive(pid)).toBe(false);
    [app, page] = await start();
    await page.getByRole('region', { name: 'Conversations' }).getByText('draft').waitFor();
    await page.getByText('harbour master').first().click();
    await expect
      .poll(() => page.getByRole('textbox', { name: 'Message' }).inputValue(), { timeout: PATIENT_MS })
      .toBe('And the cats?');
  });

  // Last: Playwright waits for the navigation that never comes.
  it('goes nowhere: no other address, no window, no network, no permission, no path out of the page', async () => {
    const tried = await page.evaluate(async () => {
      const status = async (url: string) => (await fetch(url).catch(() => null))?.status ?? 'refused';
      const opened = window.open('https://example.com');
      location.href = 'https://example.com';
      return {
        opened: opened === null,
        network: await status('https://example.com/'),
        file: await status('file:///etc/passwd'),
        traversal: await status('app://longleaf/../../package.json'),
        encoded: await status('app://longleaf/%2e%2e/main/index.cjs'),
        elsewhere: await status('app://other/'),
        geolocation: await new Promise((resolve) =>
          navigator.geolocation.getCurrentPosition(
            () => resolve('granted'),
            () => resolve('denied'),
          ),
        ),
      };
    });
    expect(tried).toEqual({
      opened: true,
      network: 'refused',
      file: 'refused',
      traversal: 404,
      encoded: 404,
      elsewhere: 'refused',
      geolocation: 'denied',
    });
    expect(page.url()).toBe('app://longleaf/');
    expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
  });

  /** The process that owns the data folder. */
  async function corePid(): Promise<number> {
    const text = await readFile(join(folder, 'data', 'owner.json'), 'utf8').catch(() => '{}');
    return (JSON.parse(text) as { pid?: number }).pid ?? 0;
  }
});

function hasDisplay(): boolean {
  return Boolean(process.env['DISPLAY']) || spawnSync('which', ['Xvfb']).status === 0;
}

/** A drop as the system makes it: the File knows where it lies. */
async function dropFile(page: Page, file: string): Promise<void> {
  await page.evaluate(() => {
    const input = document.createElement('input');
    input.type = 'file';
    input.id = 'dropped';
    document.body.append(input);
  });
  await page.locator('#dropped').setInputFiles(file);
  await page.evaluate(async () => {
    const input = document.querySelector<HTMLInputElement>('#dropped');
    const [given] = input?.files ?? [];
    if (!given) throw new Error('no file');
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(given);
    const fire = (kind: string) =>
      document.body.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer }));
    fire('dragenter');
    fire('dragover');
    await new Promise((resolve) => setTimeout(resolve, 200));
    fire('drop');
    input?.remove();
  });
}

/** A display of our own; resolves when it takes connections. */
async function startScreen(): Promise<ChildProcess> {
  const child = spawn('Xvfb', ['-displayfd', '1', '-screen', '0', '1280x900x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const number = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
    child.once('exit', () => reject(new Error('Xvfb did not start')));
  });
  process.env['DISPLAY'] = `:${number}`;
  return child;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function definedEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return Object.fromEntries(entries);
}
