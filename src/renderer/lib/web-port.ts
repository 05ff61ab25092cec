/** The port of a page that `longleaf serve` gave out: JSON frames over a WebSocket to where the page came from. */
import { AppError } from '../../shared/errors.ts';
import { parseFrame } from '../../shared/rpc/index.ts';
import type { Frame, Port } from '../../shared/rpc/index.ts';

/** @throws AppError 'engine-lost' when the server does not take the connection */
export async function webPort(): Promise<Port> {
  const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/rpc`);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true });
    socket.addEventListener('close', () => reject(refused()), { once: true });
  });
  return portOf(socket);
}

function portOf(socket: WebSocket): Port {
  let closed = false;
  const onClose: (() => void)[] = [];
  socket.addEventListener('close', () => {
    closed = true;
    for (const listener of onClose) listener();
  });
  return {
    post: (frame: Frame) => {
      if (!closed) socket.send(JSON.stringify(frame));
    },
    onFrame: (listener) =>
      socket.addEventListener('message', ({ data }) => {
        const frame = typeof data === 'string' ? parseFrame(data) : null;
        if (frame !== null) listener(frame);
      }),
    onClose: (listener) => {
      if (closed) listener();
      else onClose.push(listener);
    },
    close: () => socket.close(),
  };
}

function refused(): AppError {
  return new AppError(
    'engine-lost',
    'The page could not reach Longleaf.',
    'Start it again, then open the address it prints.',
  );
}
