/** Between page and core: texts pass through unread, both ways. */
import { MessageChannelMain, type BrowserWindow } from 'electron';
import type { Connection } from '../host/ports/child.ts';

/**
 * Gives the page a port, under the word it asked with. With no core the port says at once that it is gone; the page
 * asks again a little later.
 */
export function relay(window: BrowserWindow, nonce: string, core: Connection | null): void {
  const { port1: near, port2: far } = new MessageChannelMain();
  near.on('message', ({ data }) => {
    if (typeof data === 'string') core?.send(data);
    else core?.close();
  });
  // the page was closed or loaded anew
  near.on('close', () => core?.close());
  core?.onText((text) => near.postMessage(text));
  core?.onClose(() => {
    near.postMessage(null);
    near.close();
  });
  near.start();
  window.webContents.postMessage('port', nonce, [far]);
  if (!core) near.postMessage(null);
}
