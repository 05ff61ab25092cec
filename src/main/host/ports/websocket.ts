import type { WebSocket } from 'ws';
import { parseFrame, type Frame, type Port } from '../../../shared/rpc/index.ts';

/** Unsent bytes at which this end stops listening: no new calls, no new credit, until the other end has read. */
const LISTEN_UP_TO = 4 * 2 ** 20;
/** Unsent bytes that end the connection: whoever asks for more than it reads has to start again. */
const LONGEST_BACKLOG = 256 * 2 ** 20;
/** ms between signs of life; a peer that misses one whole interval is gone */
const PING_EVERY_MS = 30_000;

/** Frames over a WebSocket, one JSON text per frame: the server's end. */
export function websocketPort(socket: WebSocket): Port {
  let frameListener: (frame: Frame) => void = () => {};
  let closeListener: (() => void) | null = null;
  let closed = false;
  let alive = true;

  const pings = setInterval(() => {
    if (!alive) return socket.terminate();
    alive = false;
    socket.ping();
  }, PING_EVERY_MS);
  pings.unref();

  // A paused socket still delivers every frame of the chunk it has read. So frames wait here, one per turn of
  // the loop: the answer to one can be counted before the next is begun.
  const waiting: Frame[] = [];
  let turn: NodeJS.Immediate | null = null;
  const takeTurns = () => {
    turn ??= setImmediate(() => {
      turn = null;
      if (closed || socket.bufferedAmount > LISTEN_UP_TO) return;
      const frame = waiting.shift();
      if (!frame) return;
      frameListener(frame);
      takeTurns();
    });
  };

  const listenAgain = () => {
    if (socket.bufferedAmount >= LISTEN_UP_TO) return;
    if (socket.isPaused) socket.resume();
    if (waiting.length > 0) takeTurns();
  };
  socket.on('pong', () => (alive = true));
  socket.on('message', (data: Buffer, isBinary) => {
    alive = true;
    const frame = isBinary ? null : parseFrame(data.toString('utf8'));
    // Whoever sends something else is not our page.
    if (!frame) return socket.close(1008, 'not a frame');
    waiting.push(frame);
    takeTurns();
  });
  // An error (a broken frame, a reset) is always followed by 'close'.
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
    clearInterval(pings);
    closeListener?.();
  });

  return {
    post: (frame) => {
      if (closed || socket.readyState !== socket.OPEN) return;
      socket.send(JSON.stringify(frame), listenAgain);
      if (socket.bufferedAmount > LONGEST_BACKLOG) socket.terminate();
      else if (socket.bufferedAmount > LISTEN_UP_TO) socket.pause();
    },
    onFrame: (listener) => {
      frameListener = listener;
    },
    onClose: (listener) => {
      closeListener = listener;
      if (closed) queueMicrotask(listener);
    },
    close: () => socket.close(1001),
  };
}
