/** The one way out: a link that the user's own browser or mail program opens, after the user has seen where it goes. */
import { dialog, shell, type BrowserWindow } from 'electron';
import { linkTarget } from './link-target.ts';
import type { ShellText } from './text.ts';

/** Asks first. Links of any other kind are not opened, and nothing is said: they are shown as text in the page. */
export async function openExternal(url: string, window: BrowserWindow, text: ShellText): Promise<void> {
  const target = linkTarget(url);
  if (!target) return;
  const { response } = await dialog.showMessageBox(window, {
    type: 'question',
    message: text.openLink(target.where),
    detail: target.url.length > 400 ? `${target.url.slice(0, 400)}…` : target.url,
    buttons: [text.open, text.cancel],
    defaultId: 1,
    cancelId: 1,
    noLink: true,
  });
  if (response === 0) await shell.openExternal(target.url);
}
