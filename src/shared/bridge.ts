/** What the preload script gives to the page in the desktop app; in a browser there is none. */
export interface Bridge {
  readonly platform: 'linux' | 'darwin' | 'win32';
  /** the port to the core: main relays its frames. Resolves once per page. */
  port(): Promise<MessagePort>;
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
}
