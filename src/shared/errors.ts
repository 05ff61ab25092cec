/**
 * The one error type that crosses a boundary. It says what happened (`message`), and what to do (`hint`).
 * `code` is stable: programs may branch on it, texts may change.
 */
export type ErrorCode =
  | 'usage' // wrong arguments
  | 'not-found' // a library, conversation, model or file that is not there
  | 'conflict' // a name that exists already
  | 'invalid-input' // a file or message that is not what it claims to be
  | 'unsupported' // well formed, but a kind we do not read (architecture, tensor type, encrypted book)
  | 'model-missing'
  | 'context-full' // would overflow; details: {offered, limit}
  | 'disk-full'
  | 'memory-full' // a model that the machine has no memory for; details: {neededMB, freeMB}
  | 'busy' // the owner of the data folder does not answer, or a queue is full
  | 'interrupted' // cancelled by the user or by a closing process
  | 'engine-lost' // the engine process ended unexpectedly
  | 'corrupt' // stored data that fails its checksum
  | 'internal';

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    hint?: string,
    options?: { cause?: unknown; details?: Readonly<Record<string, unknown>> },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.hint = hint;
    this.details = options?.details;
  }
}

/** What travels: plain data, no stack. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Any thrown value as plain data. An unknown error becomes `internal` and keeps its text. */
export function toWire(error: unknown): WireError {
  if (error instanceof AppError) {
    return {
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(error.details === undefined ? {} : { details: error.details }),
    };
  }
  if (error instanceof Error && error.name === 'AbortError')
    return { code: 'interrupted', message: 'The work was cancelled.' };
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}

export function fromWire(wire: WireError): AppError {
  return new AppError(
    wire.code,
    wire.message,
    wire.hint,
    wire.details === undefined ? undefined : { details: wire.details },
  );
}
