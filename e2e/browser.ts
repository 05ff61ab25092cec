/** Chromium on the page that `longleaf serve` gives out: the real core, the real model, a fresh data folder. */
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, linkSync, mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { ArgsInput, Result, SettingsPatch, UnaryMethod } from '../src/shared/rpc/index.ts';
import { model } from './harness.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const screenshots = join(root, 'out/screenshots');

const executablePath = [
  process.env['LONGLEAF_CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && existsSync(path));

/** ms: for what must come, however busy the machine is. How fast it comes is measured in bench/, not here. */
export const PATIENT_MS = 120_000;

/** For `describe.skipIf` and its title. */
export const noChromium = executablePath === undefined;
export const skippedWithoutChromium = noChromium ? ' (skipped: no Chromium; set LONGLEAF_CHROMIUM)' : '';

/** The page as it was built; `npm test` and `npm start` build it. */
export const noPage = !existsSync(join(root, 'out/renderer/index.html'));
export const skippedWithoutPage = noPage
  ? ' (skipped: the page is not built; `npm run build` builds it)'
  : '';

export interface Serving {
  /** with the token */
  readonly url: string;
  /** of the core; the engine is a child of it */
  readonly pid: number;
  readonly dataFolder: string;
  /** ends the server as Ctrl-C does; the data stay */
  stop(): Promise<void>;
  /** ends it at once, as a crash does; the data stay */
  kill(): Promise<void>;
  /** starts it again on the same data; the address is another */
  restart(): Promise<Serving>;
  /** ends it and removes the data */
  close(): Promise<void>;
}

export interface ServeOptions {
  /** false: a first start, without the default model */
  readonly withModel?: boolean;
  /** where the data folder is made, e.g. on a small disk; must exist */
  readonly folder?: string;
}

/** `longleaf serve` in a data folder of its own. */
export async function startServe(options: ServeOptions = {}): Promise<Serving> {
  const folder = mkdtempSync(join(options.folder ?? tmpdir(), 'longleaf-page-'));
  const models = join(folder, 'data', 'models');
  mkdirSync(models, { recursive: true });
  if (options.withModel === false)
    return serve(folder, { LONGLEAF_MODEL: '', XDG_DATA_HOME: folder, HOME: folder });
  link(model, join(models, basename(model)));
  return serve(folder);
}

/** A link costs nothing; across disks it has to be a copy. */
function link(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

async function serve(folder: string, env: NodeJS.ProcessEnv = {}): Promise<Serving> {
  const dataFolder = join(folder, 'data');
  const cli = join(root, 'src/main/cli.ts');
  const child = spawn(process.execPath, [cli, '--data', dataFolder, '--json', 'serve', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = (signal: 'SIGINT' | 'SIGKILL') => {
    child.kill(signal);
    return ended;
  };
  for await (const line of createInterface({ input: child.stdout })) {
    const { url, pid } = JSON.parse(line) as { url: string; pid: number };
    return {
      url,
      pid,
      dataFolder,
      stop: () => end('SIGINT'),
      kill: () => end('SIGKILL'),
      restart: async () => {
        await end('SIGINT');
        return serve(folder, env);
      },
      close: async () => {
        await end('SIGKILL');
        await rm(folder, { recursive: true, force: true, maxRetries: 5 });
      },
    };
  }
  throw new Error(`serve ended before it said where: ${said}`);
}

/** One browser for a file of tests. */
export async function openBrowser(): Promise<Browser> {
  if (executablePath === undefined) throw new Error('There is no Chromium.');
  return chromium.launch({
    executablePath,
    // As root, in a container, its sandbox can't be set up. The page is our own.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
}

export interface PageOptions extends BrowserContextOptions {
  /** settings of the data folder, set before the page is looked at; the first run counts as done unless said otherwise */
  readonly settings?: SettingsPatch;
}

/** A page in a context of its own, open and connected. What it logs as an error, or throws, fails the test. */
export async function openPage(browser: Browser, url: string, options: PageOptions = {}): Promise<Page> {
  const { settings, ...contextOptions } = options;
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    ...contextOptions,
  });
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(url).origin });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENT_MS);
  page.on('pageerror', (error) => {
    throw error;
  });
  await page.goto(url);
  await change(page, { 'app.welcomed': true, ...settings });
  await page.reload();
  await page.locator('main').first().waitFor();
  return page;
}

/** Sets settings: as `settings.set`. */
export async function change(page: Page, patch: SettingsPatch): Promise<void> {
  await call(page, 'settings.set', { patch });
}

/**
 * One call to the core, over a connection of its own beside the page's. A connection that never opened has asked for
 * nothing: it is tried again, since Chromium gives up what it is opening when a network of the machine comes or goes.
 */
export async function call<M extends UnaryMethod>(
  page: Page,
  method: M,
  args: ArgsInput<M>,
): Promise<Result<M>> {
  const value: unknown = await page.evaluate(
    async (frame) => {
      const connection = () =>
        new Promise<WebSocket | null>((resolve) => {
          const socket = new WebSocket(`ws://${location.host}/rpc`);
          socket.onopen = () => resolve(socket);
          socket.onerror = () => resolve(null);
        });
      const socket = (await connection()) ?? (await connection());
      if (socket === null) throw new Error('There is no connection to the core.');
      return new Promise((resolve, reject) => {
        socket.onmessage = ({ data }) => {
          const answer = JSON.parse(String(data)) as { kind: string; id?: number; value?: unknown };
          if (answer.id !== 1) return;
          socket.close();
          if (answer.kind === 'ok') resolve(answer.value);
          else reject(new Error(String(data)));
        };
        socket.onclose = () => reject(new Error(`The core ended the connection of '${frame}'.`));
        socket.send(frame);
      });
    },
    JSON.stringify({ kind: 'call', id: 1, method, args, credit: 1 }),
  );
  return value as Result<M>; // what the contract says of this method
}

/** Keeps a picture of the page in out/screenshots, an artefact of the test run. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(screenshots, { recursive: true });
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
}

/**
 * Drops files and folders as the desktop does: real entries of a real drag, by their paths.
 * @param before called when everything is over the window, just before it is let go
 */
export async function drop(page: Page, paths: readonly string[], before?: () => unknown): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [...paths], dragOperationsMask: 1 };
  const send = (type: 'dragEnter' | 'dragOver' | 'drop') =>
    session.send('Input.dispatchDragEvent', { type, x: 400, y: 300, data });
  await send('dragEnter');
  await send('dragOver');
  await page.locator('.dropper').waitFor();
  await send('dragOver');
  await before?.();
  await send('drop');
  await session.detach();
}
