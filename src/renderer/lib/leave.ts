/** The only way out of the page: http, https and mailto, after the user has read where it goes. */
import { isSafeLink } from '../../shared/markdown/index.ts';
import { m } from '../paraglide/messages.js';
import { confirmed } from '../stores/confirm.svelte.ts';
import { bridge } from './rpc.ts';

/** In the desktop app the shell asks and opens; in a browser this page asks, and a new tab opens. */
export async function leave(address: string): Promise<void> {
  if (!isSafeLink(address)) return;
  if (bridge) return bridge.openExternal(address);
  const { protocol, host, pathname } = new URL(address);
  const where = protocol === 'mailto:' ? pathname : host;
  if (
    await confirmed({ title: m.chat_open_link_title({ where }), text: address, action: m.chat_open_link() })
  )
    window.open(address, '_blank', 'noopener,noreferrer');
}
