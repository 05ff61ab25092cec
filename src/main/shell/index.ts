/** The desktop shell: the only folder that knows Electron. It shows the page, and keeps the core running. */
import { app, dialog, session, type BrowserWindow } from 'electron';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readPage } from '../page/index.ts';
import { handleScheme, registerScheme } from './app-protocol.ts';
import { CoreLink } from './core-link.ts';
import { startCore, type CoreProcess } from './core-process.ts';
import { lockPages, lockSession } from './lockdown.ts';
import { setMenu } from './menu.ts';
import { filesIn, OpenedFiles } from './opened-files.ts';
import { relay } from './relay.ts';
import { answerRequests } from './requests.ts';
import { StartRecord } from './start-record.ts';
import { Supervisor } from './supervisor.ts';
import { shellText, type ShellText } from './text.ts';
import { openWindow } from './window.ts';

export interface ShellOptions {
  /** folder of the built page */
  readonly page: string;
  readonly preload: string;
  /** the packaged Node, and what it runs */
  readonly node: string;
  readonly coreEntry: string;
  /** `--data DIR`; null: where the core puts it by itself */
  readonly dataFolder: string | null;
}

/** ms that the core gets to save, when the app quits */
const QUIT_WITHIN_MS = 8_000;
/** ms that the page gets before that, to hand over what was just typed */
const KEEP_WITHIN_MS = 3_000;
/** ms after which a start counts as one that works */
const WORKS_AFTER_MS = 30_000;

/** Starts the app, or hands over to the one that runs already. */
export function startShell(options: ShellOptions): void {
  app.enableSandbox();
  registerScheme();
  lockPages();
  app.setName('Longleaf');
  // Chromium's own files stay apart from the user's.
  app.setPath('userData', join(options.dataFolder ?? join(app.getPath('appData'), 'Longleaf'), 'shell'));
  if (!app.requestSingleInstanceLock()) return app.quit();
  const shell = new Shell(options);
  void app.whenReady().then(() => shell.run());
}

class Shell {
  readonly #options: ShellOptions;
  readonly #record: StartRecord;
  readonly #opened = new OpenedFiles();
  readonly #logFile: string;
  readonly #supervisor: Supervisor<CoreProcess>;
  #link: CoreLink | null = null;
  #window: BrowserWindow | null = null;
  #dataFolder: string | null = null;
  #safeMode = false;
  #quitting = false;
  /** fulfilled when the page has handed over what it had */
  #kept = Promise.withResolvers<void>();
  #text: ShellText = shellText('en');

  constructor(options: ShellOptions) {
    this.#options = options;
    const folder = app.getPath('userData');
    this.#record = new StartRecord(join(folder, 'start.json'));
    this.#logFile = join(folder, 'logs', 'core.log');
    this.#supervisor = new Supervisor({
      start: () => this.#startCore(),
      onStart: (core) => this.#link?.follow(core),
      onLost: () => {}, // the page sees its port close, says so, and asks for another
      onGivenUp: (reason) => void this.#askAfterGivingUp(reason),
    });
    this.#opened.add(filesIn(process.argv, process.cwd()));
    app.on('open-file', (event, path) => {
      event.preventDefault();
      this.#opened.add([path]);
    });
    app.on('second-instance', (_event, argv, folder) => {
      this.#opened.add(filesIn(argv, folder));
      this.#show();
    });
    app.on('activate', () => this.#show());
    app.on('window-all-closed', () => {
      if (process.platform !== 'darwin') app.quit();
    });
    app.on('before-quit', (event) => {
      if (this.#quitting) return;
      event.preventDefault();
      void this.#quit();
    });
  }

  async run(): Promise<void> {
    this.#safeMode = this.#record.begin();
    setTimeout(() => this.#record.endedWell(), WORKS_AFTER_MS).unref();
    lockSession(session.defaultSession);
    handleScheme(await readPage(this.#options.page));
    this.#setLanguage('system');
    this.#link = new CoreLink((settings) => this.#setLanguage(settings['appearance.language']));
    answerRequests({
      window: () => this.#window,
      text: () => this.#text,
      downloads: app.getPath('downloads'),
      dataFolder: () => this.#dataFolder,
      onConnect: (nonce) => {
        if (this.#window) relay(this.#window, nonce, this.#supervisor.child?.connect() ?? null);
      },
      onListening: () => this.#opened.listen((paths) => this.#send('open-files', paths)),
      onKept: () => this.#kept.resolve(),
    });
    this.#supervisor.start();
    this.#show();
  }

  #show(): void {
    if (!app.isReady() || this.#quitting) return;
    if (this.#window) {
      if (this.#window.isMinimized()) this.#window.restore();
      this.#window.show();
      return this.#window.focus();
    }
    const window = openWindow({
      preload: this.#options.preload,
      safeMode: this.#safeMode,
      record: this.#record,
    });
    this.#window = window;
    window.webContents.on('did-start-loading', () => this.#opened.listen(null));
    window.on('close', (event) => {
      if (this.#quitting) return;
      event.preventDefault();
      if (process.platform !== 'darwin') return app.quit();
      window.hide();
      void this.#keep(window).then(() => window.destroy());
    });
    window.on('closed', () => {
      this.#window = null;
      this.#opened.listen(null);
    });
  }

  #startCore(): CoreProcess {
    const { node, coreEntry, dataFolder } = this.#options;
    return startCore({
      node,
      entry: coreEntry,
      args: [
        ...(dataFolder === null ? [] : ['--data', dataFolder]),
        ...(this.#safeMode ? ['--safe-mode'] : []),
      ],
      logFile: this.#logFile,
      onReady: (folder) => (this.#dataFolder = folder),
      onRefused: (message, hint) => {
        dialog.showErrorBox(this.#text.refused, `${message}\n\n${hint}`);
        app.quit();
      },
    });
  }

  async #askAfterGivingUp(reason: string): Promise<void> {
    const { response } = await dialog.showMessageBox({
      type: 'error',
      message: this.#text.coreGivenUp,
      detail: this.#text.coreGivenUpDetail(reason, this.#logFile),
      buttons: [this.#text.startAgain, this.#text.quit],
      defaultId: 0,
      cancelId: 1,
      noLink: true,
    });
    if (response === 0) this.#supervisor.start();
    else app.quit();
  }

  #setLanguage(language: string): void {
    this.#text = shellText(language === 'system' ? app.getLocale() : language);
    setMenu(this.#text, {
      perform: (action) => this.#send('action', action),
      showDataFolder: () => void this.#showDataFolder(),
    });
  }

  async #showDataFolder(): Promise<void> {
    const { shell } = await import('electron');
    if (this.#dataFolder !== null) await shell.openPath(this.#dataFolder);
  }

  #send(channel: 'action' | 'open-files', value: unknown): void {
    this.#show();
    this.#window?.webContents.send(channel, value);
  }

  /** The last words of a draft are on the page alone for a moment. A page that hangs is not waited for. */
  async #keep(window: BrowserWindow): Promise<void> {
    this.#kept = Promise.withResolvers();
    window.webContents.send('quit');
    await Promise.race([this.#kept.promise, sleep(KEEP_WITHIN_MS)]);
  }

  /** The window goes at once; what is being written is saved first. */
  async #quit(): Promise<void> {
    this.#quitting = true;
    this.#supervisor.stop();
    this.#window?.hide();
    if (this.#window !== null) await this.#keep(this.#window);
    await this.#supervisor.child?.quit(QUIT_WITHIN_MS);
    this.#record.endedWell();
    app.exit(0);
  }
}
