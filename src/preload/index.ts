/**
 * The only code that sees both the page and Electron. It hands over named calls, nothing general: the page can ask
 * for what stands in `Bridge`, and main checks who asks and what (shell/requests.ts).
 */
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type { Bridge } from '../shared/bridge.ts';
import type { ShellRequest } from '../shared/shell-request.ts';

const ask = (request: ShellRequest): Promise<unknown> => ipcRenderer.invoke('longleaf', request);

// A port cannot pass the bridge; the window passes it on to the page, under the word that the page chose.
ipcRenderer.on('port', ({ ports }, nonce: string) => window.postMessage(nonce, location.origin, ports));

const bridge: Bridge = {
  platform: process.platform as Bridge['platform'],
  safeMode: process.argv.includes('--longleaf-safe-mode'),
  connect: (nonce) => void ask({ kind: 'connect', nonce }),
  pathForFile: (file) => webUtils.getPathForFile(file),
  chooseFiles: async ({ folders }) => (await ask({ kind: 'choose-files', folders })) as readonly string[],
  saveFile: async ({ fileName, encoding, content }) =>
    (await ask({ kind: 'save-file', fileName, encoding, content })) as boolean,
  openExternal: async (url) => void (await ask({ kind: 'open-external', url })),
  showDataFolder: async () => void (await ask({ kind: 'show-data-folder' })),
  onAction: (listener) => void ipcRenderer.on('action', (_, action: string) => listener(action)),
  onOpenFiles: (listener) => {
    ipcRenderer.on('open-files', (_, paths: readonly string[]) => listener(paths));
    // what was waiting for somebody to listen
    void ask({ kind: 'listening' });
  },
  onQuit: (keep) => void ipcRenderer.on('quit', () => void keep().finally(() => void ask({ kind: 'kept' }))),
};

contextBridge.exposeInMainWorld('longleaf', bridge);
