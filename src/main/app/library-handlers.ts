/** Libraries behind the contract. */
import type { Handlers } from '../../shared/rpc/index.ts';
import { eventStream } from './event-stream.ts';
import type { Libraries } from './library.ts';

export function libraryHandlers(
  libraries: Libraries,
): Pick<
  Handlers,
  | 'library.list'
  | 'library.show'
  | 'library.add'
  | 'library.update'
  | 'library.read'
  | 'library.remove'
  | 'state.info'
> {
  return {
    'library.list': () => libraries.list(),
    'library.show': ({ name }) => libraries.show(name),
    'library.add': (args, { signal }) => eventStream((emit, stop) => libraries.add(args, emit, stop), signal),
    'library.update': (args, { signal }) =>
      eventStream((emit, stop) => libraries.update(args, emit, stop), signal),
    'library.read': (args, { signal }) =>
      eventStream((emit, stop) => libraries.read(args, emit, stop), signal),
    'library.remove': async ({ name }) => {
      await libraries.remove(name);
      return { removed: true };
    },
    'state.info': (args) => libraries.state(args),
  };
}
