import type { Frame, Port } from '../../../shared/rpc/index.ts';

/**
 * Two ends in one process. Frames arrive later, and as copies through JSON, so that nothing works here that
 * would fail between processes.
 */
export function memoryPorts(): readonly [Port, Port] {
  const first = new MemoryPort();
  const second = new MemoryPort();
  first.other = second;
  second.other = first;
  return [first, second];
}

class MemoryPort implements Port {
  other: MemoryPort | null = null;
  #closed = false;
  #frameListener: (frame: Frame) => void = () => {};
  #closeListener: (() => void) | null = null;

  post(frame: Frame): void {
    if (this.#closed) return;
    const json = JSON.stringify(frame);
    queueMicrotask(() => {
      if (this.other && !this.other.#closed) this.other.#frameListener(JSON.parse(json) as Frame);
    });
  }

  onFrame(listener: (frame: Frame) => void): void {
    this.#frameListener = listener;
  }

  onClose(listener: () => void): void {
    this.#closeListener = listener;
    if (this.#closed) queueMicrotask(listener);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // after the frames that were posted before
    queueMicrotask(() => {
      this.#closeListener?.();
      this.other?.close();
    });
  }
}
