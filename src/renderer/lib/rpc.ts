/** The page's connection to the core: through the bridge in the desktop app, over a WebSocket in a browser. */
import { createClient } from '../../shared/rpc/index.ts';
import type { Client } from '../../shared/rpc/index.ts';
import type { Bridge } from '../../shared/bridge.ts';
import { bridgePort } from './bridge-port.ts';
import { webPort } from './web-port.ts';

declare global {
  interface Window {
    /** put there by src/preload, absent in a browser */
    readonly longleaf?: Bridge;
  }
}

export const bridge: Bridge | undefined = window.longleaf;

export interface Connection {
  readonly client: Client;
  /** resolves when the connection has ended, whoever ended it */
  readonly closed: Promise<void>;
}

/** @throws AppError 'engine-lost' when the core can't be reached */
export async function connect(): Promise<Connection> {
  const port = bridge ? await bridgePort(bridge) : await webPort();
  const closed = Promise.withResolvers<void>();
  const client = createClient(port);
  port.onClose(() => closed.resolve());
  return { client, closed: closed.promise };
}
