/** The window, its page and its place on the screen. */
import { BrowserWindow, nativeTheme, screen } from 'electron';
import { PAGE_URL } from './app-protocol.ts';
import { placeWindow, type StartRecord } from './start-record.ts';

export interface WindowOptions {
  /** absolute path of the preload script */
  readonly preload: string;
  readonly safeMode: boolean;
  readonly record: StartRecord;
}

/** ms after a move until it is kept: not every pixel of it */
const KEEP_AFTER_MS = 500;

export function openWindow({ preload, safeMode, record }: WindowOptions): BrowserWindow {
  const displays = screen.getAllDisplays().map(({ workArea }) => workArea);
  const window = new BrowserWindow({
    ...placeWindow(record.window, displays),
    minWidth: 960,
    minHeight: 640,
    show: false,
    title: 'Longleaf',
    // `sheet` of the two themes (src/renderer/styles/tokens.css): no flash before the first paint
    backgroundColor: nativeTheme.shouldUseDarkColors ? '#1a1f1c' : '#fdfdfb',
    webPreferences: {
      preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
      navigateOnDragDrop: false,
      // On Linux and Windows its dictionaries would be fetched from the network.
      spellcheck: process.platform === 'darwin',
      additionalArguments: safeMode ? ['--longleaf-safe-mode'] : [],
    },
  });
  if (record.window?.maximised) window.maximize();
  window.once('ready-to-show', () => window.show());
  keepPlace(window, record);
  reloadAfterCrash(window);
  void window.loadURL(PAGE_URL);
  return window;
}

function keepPlace(window: BrowserWindow, record: StartRecord): void {
  let timer: NodeJS.Timeout | undefined;
  const keep = () => {
    clearTimeout(timer);
    if (window.isDestroyed() || window.isMinimized()) return;
    record.keepWindow({ bounds: window.getNormalBounds(), maximised: window.isMaximized() });
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(keep, KEEP_AFTER_MS);
  };
  window.on('resize', later);
  window.on('move', later);
  window.on('maximize', later);
  window.on('unmaximize', later);
  window.on('close', keep);
}

/** The page is only a view: after a crash it is loaded again, unless that does not help. */
function reloadAfterCrash(window: BrowserWindow): void {
  let crashes: number[] = [];
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit' || window.isDestroyed()) return;
    crashes = [...crashes.filter((time) => Date.now() - time < 60_000), Date.now()];
    if (crashes.length <= 3) window.webContents.reload();
  });
}
