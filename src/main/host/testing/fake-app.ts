/** An app without store and engine: enough of the contract to see frames, streams and errors arrive. */
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../../shared/errors.ts';
import type { Handlers } from '../../../shared/rpc/index.ts';
import type { App } from '../session.ts';

export interface FakeApp extends App {
  /** signals of the calls that were begun */
  readonly signals: AbortSignal[];
}

export function fakeApp(): FakeApp {
  const signals: AbortSignal[] = [];
  const handlers: Partial<Handlers> = {
    'library.list': () => Promise.resolve([]),
    'library.remove': ({ name }) =>
      Promise.reject(
        new AppError('not-found', `No library ${name}.`, 'See `library list`.', { details: { name } }),
      ),
    /** as many texts as `maxTokens`, then the end; a question "wait" waits for its signal */
    'chat.ask': async function* (args, { signal }) {
      signals.push(signal);
      if (args.question === 'wait') {
        yield { kind: 'queue', place: 1 };
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        throw new AppError('interrupted', 'The answer was stopped.');
      }
      for (let index = 0; index < (args.sampling?.maxTokens ?? 1); index++) {
        yield { kind: 'progress', phase: 'prefill', done: index, total: 0 };
        yield { kind: 'text', text: `${index} ` };
      }
    },
    /** one file event per path, then a slow end */
    'library.add': async function* (args, { signal }) {
      signals.push(signal);
      for (const path of args.paths) {
        yield { kind: 'file', file: { path, outcome: 'read', reason: null, bytes: 1, tokens: 1 } };
      }
      await sleep(args.name === 'slow' ? 500 : 0);
      yield { kind: 'progress', phase: 'index', done: 1, total: 1, unit: 'files' };
    },
  };
  return { signals, handlers: handlers as Handlers, close: () => Promise.resolve() };
}
