/**
 * What no page of this app may do, whatever gets into it: leave for another address, open a window, embed one, ask
 * the system for anything, reach the network. (Electron's security list, items 5 and 11-14.)
 */
import { app, type Session, type WebContents } from 'electron';
import { PAGE_ORIGIN, PAGE_URL } from './app-protocol.ts';

/** For every page that will ever exist, of whatever kind. Before the app is ready. */
export function lockPages(): void {
  app.on('web-contents-created', (_event, contents) => lockContents(contents));
}

function lockContents(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  contents.on('will-navigate', (event) => event.preventDefault());
  contents.on('will-redirect', (event) => event.preventDefault());
  contents.on('will-frame-navigate', (event) => event.preventDefault());
  contents.on('will-attach-webview', (event) => event.preventDefault());
  // The page is the one we loaded; anything else that got through ends here.
  contents.on('did-navigate', (_event, url) => {
    if (url !== PAGE_URL) contents.close();
  });
}

/** Once the app is ready. */
export function lockSession(session: Session): void {
  // Copy buttons write to the clipboard; nothing else is ever needed.
  const allowed = (permission: string, origin: string | undefined) =>
    permission === 'clipboard-sanitized-write' && (origin ?? '').startsWith(PAGE_ORIGIN);
  session.setPermissionRequestHandler((contents, permission, decide) =>
    decide(allowed(permission, contents.getURL())),
  );
  session.setPermissionCheckHandler((_contents, permission, origin) => allowed(permission, origin));
  session.setDevicePermissionHandler(() => false);
  session.on('will-download', (event) => event.preventDefault());
  session.webRequest.onBeforeRequest(({ url }, decide) =>
    decide({ cancel: !/^(app|blob|data|devtools|chrome-devtools):/.test(url) }),
  );
}
