/**
 * The one door from the page into the shell. Every request is checked twice: that our own page asks, from its main
 * frame, and that what it asks is one of `ShellRequest`.
 */
import { dialog, ipcMain, shell, type BrowserWindow, type IpcMainInvokeEvent } from 'electron';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { shellRequest, type ShellRequest } from '../../shared/shell-request.ts';
import { PAGE_ORIGIN } from './app-protocol.ts';
import { fileNameFor } from './file-name.ts';
import { openExternal } from './open-external.ts';
import type { ShellText } from './text.ts';

export interface RequestOptions {
  readonly window: () => BrowserWindow | null;
  readonly text: () => ShellText;
  /** where exports are offered to be saved */
  readonly downloads: string;
  /** null until the core has said so */
  readonly dataFolder: () => string | null;
  readonly onConnect: (nonce: string) => void;
  readonly onListening: () => void;
  /** the page has handed over what it had, because the app quits */
  readonly onKept: () => void;
}

export function answerRequests(options: RequestOptions): void {
  ipcMain.handle('longleaf', async (event, given: unknown) => {
    const window = options.window();
    if (!window || !isOwnPage(event, window)) throw new Error('refused');
    const request = v.safeParse(shellRequest, given);
    if (!request.success) throw new Error('refused');
    return answer(request.output, window, options);
  });
}

function isOwnPage(event: IpcMainInvokeEvent, window: BrowserWindow): boolean {
  const frame = event.senderFrame;
  if (frame === null || event.sender !== window.webContents) return false;
  return frame === event.sender.mainFrame && new URL(frame.url).origin === originOf(PAGE_ORIGIN);
}

/** As this Electron writes it: a scheme of one's own has an origin in the page, 'null' in Node. */
function originOf(url: string): string {
  return new URL(url).origin;
}

async function answer(
  request: ShellRequest,
  window: BrowserWindow,
  options: RequestOptions,
): Promise<unknown> {
  switch (request.kind) {
    case 'connect':
      return options.onConnect(request.nonce);
    case 'listening':
      return options.onListening();
    case 'kept':
      return options.onKept();
    case 'choose-files':
      return choose(window, request.folders);
    case 'save-file':
      return save(window, options.downloads, request);
    case 'open-external':
      return openExternal(request.url, window, options.text());
    case 'show-data-folder': {
      const folder = options.dataFolder();
      // a path of ours, never of the page
      if (folder !== null) await shell.openPath(folder);
      return undefined;
    }
  }
}

async function choose(window: BrowserWindow, folders: boolean): Promise<readonly string[]> {
  const { filePaths } = await dialog.showOpenDialog(window, {
    properties: [folders ? 'openDirectory' : 'openFile', 'multiSelections', 'dontAddToRecent'],
  });
  return filePaths;
}

async function save(
  window: BrowserWindow,
  downloads: string,
  { fileName, encoding, content }: Extract<ShellRequest, { kind: 'save-file' }>,
): Promise<boolean> {
  const { filePath, canceled } = await dialog.showSaveDialog(window, {
    defaultPath: join(downloads, fileNameFor(fileName)),
    properties: ['createDirectory', 'showOverwriteConfirmation', 'dontAddToRecent'],
  });
  if (canceled || !filePath) return false;
  await writeFile(filePath, Buffer.from(content, encoding));
  return true;
}
