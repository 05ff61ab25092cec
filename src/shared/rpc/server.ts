/** Runs handlers for one port: validates arguments, streams against credit, turns errors into frames. */
import * as v from 'valibot';
import { AppError, toWire } from '../errors.ts';
import { contract, type Handlers, type Method } from './contract.ts';
import { OutgoingItems } from './outgoing.ts';
import type { Frame, Port } from './protocol.ts';

/** A handler as the server calls it, once its arguments have been validated. */
type AnyHandler = (
  args: object,
  context: { signal: AbortSignal },
) => Promise<unknown> | AsyncIterable<unknown>;

interface RunningCall {
  readonly abort: AbortController;
  readonly outgoing: OutgoingItems | null;
  /** a subscription: ended when the server leaves, not waited for */
  readonly endless: boolean;
}

export interface Serving {
  /** calls that have not ended yet, without subscriptions */
  readonly running: number;
  /** begins no more calls, tells the other end so, and closes the port when the running ones have ended */
  drain(): Promise<void>;
  /** aborts what runs and closes the port */
  close(): void;
}

/** Serves `port` until it closes; then everything that was running for it is aborted. */
export function serve(port: Port, handlers: Handlers): Serving {
  const calls = new Map<number, RunningCall>();
  let draining = false;
  let waiting: (() => void)[] = [];

  const ended = (id: number) => {
    calls.delete(id);
    if (calls.size > 0) return;
    for (const resume of waiting) resume();
    waiting = [];
  };

  const begin = (frame: Extract<Frame, { kind: 'call' }>) => {
    if (calls.has(frame.id)) return port.post(failed(frame.id, new AppError('usage', 'Call id in use.')));
    const method = methodNamed(frame.method);
    if (!method) {
      return port.post(failed(frame.id, new AppError('usage', `There is no method ${frame.method}.`)));
    }
    const args = v.safeParse(contract[method].args, frame.args);
    if (!args.success) return port.post(failed(frame.id, argumentError(method, args.issues)));

    const abort = new AbortController();
    // The handler's type follows from the method's name, which TypeScript cannot carry through a computed access.
    const handler = handlers[method] as AnyHandler;
    const use = contract[method];
    const streaming = use.kind === 'stream';
    const outgoing = streaming
      ? new OutgoingItems(frame.credit, (value) => port.post({ kind: 'item', id: frame.id, value }))
      : null;
    calls.set(frame.id, { abort, outgoing, endless: streaming && use.endless === true });
    const work = async () => {
      const answer = handler(args.output, { signal: abort.signal });
      if (!outgoing) return { kind: 'ok', id: frame.id, value: (await answer) ?? null } as const;
      for await (const item of answer as AsyncIterable<unknown>) await outgoing.push(item);
      await outgoing.drained();
      return { kind: 'end', id: frame.id } as const;
    };
    void work()
      .catch(async (error: unknown) => {
        await outgoing?.drained();
        return failed(frame.id, error);
      })
      .then((last) => {
        port.post(last);
        ended(frame.id);
      });
  };

  port.onFrame((frame) => {
    if (frame.kind === 'call') {
      if (!draining) begin(frame); // the other end knows from `bye` that this one was not begun
    } else if (frame.kind === 'cancel') calls.get(frame.id)?.abort.abort();
    else if (frame.kind === 'credit') calls.get(frame.id)?.outgoing?.grant(frame.count);
  });
  const abortAll = () => {
    for (const { abort, outgoing } of calls.values()) {
      abort.abort();
      outgoing?.discard();
    }
  };
  port.onClose(abortAll);

  return {
    get running() {
      return [...calls.values()].filter(({ endless }) => !endless).length;
    },
    drain: async () => {
      draining = true;
      port.post({ kind: 'bye', running: [...calls.keys()] });
      for (const { abort, outgoing, endless } of calls.values()) {
        if (!endless) continue;
        abort.abort();
        outgoing?.discard();
      }
      if (calls.size > 0) await new Promise<void>((resolve) => waiting.push(resolve));
      port.close();
    },
    close: () => {
      abortAll();
      port.close();
    },
  };
}

function methodNamed(name: string): Method | null {
  return Object.hasOwn(contract, name) ? (name as Method) : null;
}

function failed(id: number, error: unknown): Frame {
  return { kind: 'err', id, error: toWire(error) };
}

function argumentError(method: Method, issues: readonly v.BaseIssue<unknown>[]): AppError {
  const faults = issues.map((issue) => `${v.getDotPath(issue) ?? 'arguments'}: ${issue.message}`);
  return new AppError('usage', `${method}: ${faults.join('; ')}.`);
}
