/** The port of the desktop app: frames over the MessagePort that the preload script hands over. */
import type { Bridge } from '../../shared/bridge.ts';
import { parseFrame } from '../../shared/rpc/index.ts';
import type { Frame, Port } from '../../shared/rpc/index.ts';

/** Frames travel as JSON, as they do everywhere else: one format, one check. */
export async function bridgePort(bridge: Bridge): Promise<Port> {
  const port = await portFrom(bridge);
  const onClose: (() => void)[] = [];
  let closed = false;
  const ended = () => {
    if (closed) return;
    closed = true;
    for (const listener of onClose) listener();
  };
  port.addEventListener('close', ended);
  port.start();
  return {
    post: (frame: Frame) => {
      if (!closed) port.postMessage(JSON.stringify(frame));
    },
    onFrame: (listener) =>
      port.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
        const frame = typeof data === 'string' ? parseFrame(data) : null;
        if (frame !== null) listener(frame);
        else if (data === null) ended(); // main says that the core is gone
      }),
    onClose: (listener) => {
      if (closed) listener();
      else onClose.push(listener);
    },
    close: () => {
      port.close();
      ended();
    },
  };
}

/** A port cannot come through the bridge: it comes as a message of this window, named by a word of ours. */
function portFrom(bridge: Bridge): Promise<MessagePort> {
  const nonce = crypto.randomUUID();
  return new Promise((resolve) => {
    const listener = ({ source, data, ports: [port] }: MessageEvent<unknown>) => {
      if (source !== window || data !== nonce || port === undefined) return;
      window.removeEventListener('message', listener);
      resolve(port);
    };
    window.addEventListener('message', listener);
    bridge.connect(nonce);
  });
}
