import type { Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { parseFrame, type Frame, type Port } from '../../../shared/rpc/index.ts';

/** A frame longer than this ends the connection: no use case sends one, and memory is not without end. */
const LONGEST_FRAME = 256 * 2 ** 20;

/** Frames over a local socket: one JSON object per line, UTF-8. */
export function socketPort(socket: Socket): Port {
  const decoder = new StringDecoder('utf8');
  let line: string[] = [];
  let length = 0;
  let frameListener: (frame: Frame) => void = () => {};
  let closeListener: (() => void) | null = null;
  let closed = false;

  const receive = (text: string) => {
    const parts = text.split('\n');
    parts.forEach((part, index) => {
      line.push(part);
      length += part.length;
      if (length > LONGEST_FRAME) socket.destroy();
      if (index === parts.length - 1 || closed) return;
      const frame = parseFrame(line.join(''));
      line = [];
      length = 0;
      // Whoever sends something else is not one of us.
      if (frame) frameListener(frame);
      else socket.destroy();
    });
  };
  socket.on('data', (chunk: Buffer) => receive(decoder.write(chunk)));
  // Errors (a killed peer, a broken pipe) are always followed by 'close'.
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
    closeListener?.();
  });

  return {
    post: (frame) => {
      if (!closed && socket.writable) socket.write(`${JSON.stringify(frame)}\n`);
    },
    onFrame: (listener) => {
      frameListener = listener;
    },
    onClose: (listener) => {
      closeListener = listener;
      if (closed) queueMicrotask(listener);
    },
    close: () => socket.end(),
  };
}
