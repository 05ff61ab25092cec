/** One question through the app, as a user would ask it, with what the evaluation needs to know of the turn. */
import type { App } from '../../src/main/app/index.ts';
import type { Citation, Receipt, TurnTimings } from '../../src/shared/model/index.ts';
import type { ArgsInput, Answer, LibraryReport } from '../../src/shared/rpc/index.ts';

export interface Asked {
  readonly answer: string;
  readonly citations: readonly Citation[];
  /** the passages as they stood before the question */
  readonly passagesText: string;
  readonly receipt: Receipt;
  readonly timings: TurnTimings;
}

const never = new AbortController().signal;

export async function ask(app: App, request: ArgsInput<'chat.ask'>): Promise<Asked> {
  let done: Answer | null = null;
  const { conversation, ...rest } = request;
  const args = { ...rest, ...(conversation === undefined ? {} : { conversation }) } as Parameters<
    App['handlers']['chat.ask']
  >[0];
  for await (const event of app.handlers['chat.ask'](args, { signal: never })) {
    if (event.kind === 'done') done = event.answer;
  }
  if (done === null) throw new Error('The turn ended without an answer.');
  const { branch } = await app.handlers['conversations.show']({ id: done.conversationId }, { signal: never });
  const passagesText = branch.findLast((message) => message.role === 'user')?.passagesText ?? '';
  const { answer, citations, receipt, timings } = done;
  return { answer, citations, passagesText, receipt, timings };
}

/** Adds files or folders as a library, waits until it is found by its meaning too, and returns the report of it. */
export async function addLibrary(
  app: App,
  name: string,
  paths: string[],
  read: 'always' | 'never',
  onRead?: (done: number, total: number) => void,
): Promise<LibraryReport> {
  let report: LibraryReport | null = null;
  for await (const event of app.handlers['library.add']({ name, paths, read }, { signal: never })) {
    if (event.kind === 'progress' && event.phase === 'read') onRead?.(event.done, event.total);
    if (event.kind === 'done') report = event.report;
  }
  if (report === null) throw new Error(`The library ${name} was not added.`);
  await app.prepared();
  return report;
}
