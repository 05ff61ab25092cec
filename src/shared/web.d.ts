/**
 * What shared code may use of the platform beyond the language: only what Node, browsers and Electron have in
 * common. Seen by tsconfig.shared.json alone; the other projects bring their platform's own declarations.
 */
interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
  throwIfAborted(): void;
}
interface AbortController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}
declare var AbortController: { new (): AbortController };
declare var AbortSignal: { abort(reason?: unknown): AbortSignal };

/** a file that the user dropped or chose; only handed on here */
interface File {
  readonly name: string;
}
