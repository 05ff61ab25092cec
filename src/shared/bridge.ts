/** What the preload script gives to the page in the desktop app; in a browser there is none. */
export interface Bridge {
  readonly platform: 'linux' | 'darwin' | 'win32';
  /** it did not start properly several times in a row: nothing that was interrupted goes on by itself */
  readonly safeMode: boolean;
  /**
   * Asks for a port to the core. It arrives as a message event of the window whose data is `nonce`, since ports
   * cannot be returned through the bridge. Text on it is one frame as JSON; null says that the core is gone.
   */
  connect(nonce: string): void;
  /** where a dropped or chosen file lies; never its bytes */
  pathForFile(file: File): string;
  /** absolute paths; empty = the user chose nothing */
  chooseFiles(options: { readonly folders: boolean }): Promise<readonly string[]>;
  /** false = the user chose no place. `base64` as in `ExportedFile.encoding` */
  saveFile(file: {
    readonly fileName: string;
    readonly encoding: 'utf8' | 'base64';
    readonly content: string;
  }): Promise<boolean>;
  /** asks, then opens the link in the user's browser */
  openExternal(url: string): Promise<void>;
  /** in the file manager */
  showDataFolder(): Promise<void>;
  /** what the window's menu asks for, by the name of the action (stores/actions.svelte.ts) */
  onAction(listener: (action: string) => void): void;
  /** files that the system asks to open: exports and models */
  onOpenFiles(listener: (paths: readonly string[]) => void): void;
  /** the app is quitting: what the page has not handed over yet is handed over now; it waits for that, not for long */
  onQuit(keep: () => Promise<void>): void;
}
