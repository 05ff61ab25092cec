/**
 * Ports between the desktop shell and the core, which is a child process of it. One IPC channel carries any number of
 * connections; the shell passes their texts on between page and core without reading them.
 */
import { parseFrame, type Frame, type Port } from '../../../shared/rpc/index.ts';

export type PipeMessage =
  | { readonly kind: 'open'; readonly connection: number }
  | { readonly kind: 'text'; readonly connection: number; readonly text: string }
  | { readonly kind: 'close'; readonly connection: number }
  /** core to shell: pages may come */
  | { readonly kind: 'ready'; readonly dataFolder: string }
  /** core to shell: the data folder cannot be used; another start would end in the same way */
  | { readonly kind: 'refused'; readonly message: string; readonly hint: string }
  /** shell to core: save what runs, then end */
  | { readonly kind: 'quit' };

/** One end of the IPC channel. */
export interface Pipe {
  send(message: PipeMessage): void;
}

export interface Connection {
  send(text: string): void;
  /** set once; texts that came before are not lost */
  onText(listener: (text: string) => void): void;
  /** called once, whichever end closes */
  onClose(listener: () => void): void;
  close(): void;
}

/** The connections of one end. */
export class Connections {
  readonly #pipe: Pipe;
  readonly #accept: (connection: Connection) => void;
  readonly #open = new Map<number, PipeConnection>();
  #next = 1;

  /** @param accept called for each connection that the other end opens */
  constructor(pipe: Pipe, accept: (connection: Connection) => void = () => {}) {
    this.#pipe = pipe;
    this.#accept = accept;
  }

  open(): Connection {
    const connection = this.#add(this.#next++);
    this.#pipe.send({ kind: 'open', connection: connection.id });
    return connection;
  }

  receive(message: PipeMessage): void {
    if (message.kind === 'open') this.#accept(this.#add(message.connection));
    else if (message.kind === 'text') this.#open.get(message.connection)?.receive(message.text);
    else if (message.kind === 'close') this.#open.get(message.connection)?.ended();
  }

  /** The other process is gone. */
  end(): void {
    for (const connection of this.#open.values()) connection.ended();
  }

  #add(id: number): PipeConnection {
    const connection = new PipeConnection(id, this.#pipe, () => this.#open.delete(id));
    this.#open.set(id, connection);
    return connection;
  }
}

class PipeConnection implements Connection {
  readonly id: number;
  readonly #pipe: Pipe;
  readonly #forget: () => void;
  #closed = false;
  #waiting: string[] = [];
  #textListener: ((text: string) => void) | null = null;
  #closeListener: () => void = () => {};

  constructor(id: number, pipe: Pipe, forget: () => void) {
    this.id = id;
    this.#pipe = pipe;
    this.#forget = forget;
  }

  send(text: string): void {
    if (!this.#closed) this.#pipe.send({ kind: 'text', connection: this.id, text });
  }

  onText(listener: (text: string) => void): void {
    this.#textListener = listener;
    for (const text of this.#waiting.splice(0)) listener(text);
  }

  onClose(listener: () => void): void {
    this.#closeListener = listener;
    if (this.#closed) queueMicrotask(listener);
  }

  close(): void {
    if (this.#closed) return;
    this.#pipe.send({ kind: 'close', connection: this.id });
    this.ended();
  }

  receive(text: string): void {
    if (this.#textListener) this.#textListener(text);
    else this.#waiting.push(text);
  }

  ended(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forget();
    this.#closeListener();
  }
}

/** A connection as a port: each text is one frame. */
export function connectionPort(connection: Connection): Port {
  return {
    post: (frame: Frame) => connection.send(JSON.stringify(frame)),
    onFrame: (listener) =>
      connection.onText((text) => {
        const frame = parseFrame(text);
        // Whoever sends something else is not our page.
        if (frame) listener(frame);
        else connection.close();
      }),
    onClose: (listener) => connection.onClose(listener),
    close: () => connection.close(),
  };
}
