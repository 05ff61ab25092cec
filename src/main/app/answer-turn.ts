/**
 * One answer, from the planned context to the finished row: restore, prefill, generate, save while it streams, cite, and
 * count what was read.
 */
import { AppError } from '../../shared/errors.ts';
import type { Message, MessageStatus, Receipt, SamplingParameters } from '../../shared/model/index.ts';
import type { Answer, ChatEvent } from '../../shared/rpc/index.ts';
import type { Engine } from '../engine/index.ts';
import type { Store } from '../store/index.ts';
import { NOTHING_FOUND } from './citations.ts';
import { citeAnswer } from './cite-answer.ts';
import type { LoadedModel } from './engines.ts';
import type { Emit } from './event-stream.ts';
import { throttled } from './event-stream.ts';
import type { OpenedContext } from './open-context.ts';
import { openContext, prefillContext } from './open-context.ts';
import type { EngineCounters } from './receipt.ts';
import { buildReceipt } from './receipt.ts';
import type { TurnClock } from './turn-clock.ts';
import type { TurnContextPlan } from './turn-context.ts';

export interface AnswerRequest {
  readonly store: Store;
  readonly model: LoadedModel;
  readonly context: TurnContextPlan;
  readonly question: string;
  /** the answer's row, status 'running' */
  readonly answer: Message;
  readonly sampling: SamplingParameters;
  readonly clock: TurnClock;
  readonly emit: Emit<ChatEvent>;
  readonly signal: AbortSignal;
}

const PROGRESS_INTERVAL_MS = 100;
/** While it streams, an answer is saved so often: what a kill may cost of it. */
const SAVE_INTERVAL_MS = 1000;

/**
 * Answers and returns the finished turn. A cancel keeps what was written until then, as 'stopped'.
 * @throws AppError from engine and store; the row then keeps what was written, as 'failed'
 */
export async function answerTurn(request: AnswerRequest): Promise<Answer> {
  const { store, model, answer, sampling } = request;
  const written = { text: '' };
  try {
    request.emit({ kind: 'progress', phase: 'model', done: 0, total: 0 });
    const engine = await model.engine();
    request.clock.mark('modelReady');
    await store.updateAnswer(answer.id, {
      model: model.installed.id,
      backend: engine.info.backend,
      plan: request.context.plan.name,
      parameters: sampling,
    });
    return await readAndWrite(request, engine, written);
  } catch (error) {
    const status: MessageStatus = isCancel(error, request.signal) ? 'stopped' : 'failed';
    // The first failure is what the user must see; a full disk would add a second one here.
    await store.updateAnswer(answer.id, { content: written.text, status }).catch(() => undefined);
    throw error;
  }
}

async function readAndWrite(
  request: AnswerRequest,
  engine: Engine,
  written: { text: string },
): Promise<Answer> {
  const { context, clock, signal, emit } = request;
  emit({ kind: 'progress', phase: 'restore', done: 0, total: 0 });
  const opened = await openContext(engine, context, signal);
  clock.mark('restored');
  try {
    const counters = await read(request, engine, opened);
    const { backend, autoReason } = engine.info;
    const receipt = {
      ...receiptOf(context, opened, counters),
      ...(autoReason === null ? {} : { auto: { backend, reason: autoReason } }),
    };
    const status = await write(request, engine, opened, written);
    return await finish(request, engine, receipt, status, written.text);
  } finally {
    await engine.release(opened.state).catch(() => undefined);
  }
}

async function read(request: AnswerRequest, engine: Engine, opened: OpenedContext): Promise<EngineCounters> {
  const { context, clock, emit, signal } = request;
  const progress = throttled<ChatEvent>(emit, PROGRESS_INTERVAL_MS);
  const counters = await prefillContext(engine, opened, context.plan, {
    signal,
    onProgress: (done, total) => progress({ kind: 'progress', phase: 'prefill', done, total }),
    onQueue: (place) => emit({ kind: 'queue', place }),
  });
  progress.flush();
  clock.prefilled(counters.read, counters.ms);
  return counters;
}

/** Generates until a stop id, the limit or a cancel; the row is saved about once a second. */
async function write(
  request: AnswerRequest,
  engine: Engine,
  opened: OpenedContext,
  written: { text: string },
): Promise<MessageStatus> {
  const { model, sampling, clock, emit, signal, store, answer } = request;
  const decoder = model.tokenizer.decoder();
  const save = savingEvery(SAVE_INTERVAL_MS, () => store.updateAnswer(answer.id, { content: written.text }));
  const add = (text: string): void => {
    // An answer begins with a word, not with the space before it.
    const piece = written.text === '' ? text.trimStart() : text;
    if (piece === '') return;
    written.text += piece;
    emit({ kind: 'text', text: piece });
  };
  try {
    const tokens = engine.generate(
      { state: opened.state, sampling, stop: model.tokenizer.stopIds, priority: 'chat' },
      signal,
    );
    for await (const { id } of tokens) {
      clock.token();
      add(decoder.push(id));
      save.soon();
    }
    add(decoder.end());
    return 'done';
  } catch (error) {
    add(decoder.end());
    if (isCancel(error, signal)) return 'stopped';
    throw error;
  } finally {
    await save.finished();
  }
}

async function finish(
  request: AnswerRequest,
  engine: Engine,
  receipt: Receipt,
  status: MessageStatus,
  text: string,
): Promise<Answer> {
  const { store, context, question, answer, clock, emit, model } = request;
  const hasLibrary = context.mode !== 'none';
  const citations = hasLibrary ? await citeAnswer(store, context, question, text) : [];
  let content = text.trimEnd();
  if (hasLibrary && citations.length === 0 && status === 'done') {
    emit({ kind: 'text', text: NOTHING_FOUND });
    content += NOTHING_FOUND;
  }
  const timings = clock.timings();
  await store.updateAnswer(answer.id, { content, status, receipt, citations, timings });
  return {
    answer: content,
    status,
    conversationId: answer.conversationId,
    messageId: answer.id,
    citations,
    receipt,
    timings,
    model: model.installed.id,
    backend: engine.info.backend,
    plan: context.plan.name,
  };
}

function receiptOf(context: TurnContextPlan, { prompt }: OpenedContext, counters: EngineCounters): Receipt {
  const { mode, contents, passages, evicted } = context;
  const inPrompt = mode === 'state' || mode === 'whole';
  const [main] = contents;
  const indexed = inPrompt ? contents.slice(1) : contents;
  return buildReceipt({
    spans: prompt.spans,
    promptTokens: prompt.ids.length,
    counters,
    documents: inPrompt ? (main?.documents ?? []) : [],
    libraryName: main?.library.name ?? '',
    indexed:
      indexed.length === 0
        ? null
        : {
            name: indexed.map(({ library }) => library.name).join(', '),
            tokens: indexed.reduce((sum, one) => sum + one.tokens, 0),
            files: indexed.reduce((sum, one) => sum + one.documents.length, 0),
            passages: passages.reduce((sum, one) => sum + one.passages.length, 0),
          },
    leftOut: contents.flatMap(({ leftOut }) => leftOut),
    evictedTurns: evicted,
  });
}

function isCancel(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (!(error instanceof AppError) || error.code === 'interrupted');
}

interface Saving {
  /** saves now, unless it was done a moment ago or is under way */
  soon(): void;
  /** waits for the last save; a failed one fails here */
  finished(): Promise<void>;
}

function savingEvery(intervalMs: number, save: () => Promise<void>): Saving {
  let last = performance.now();
  let running: Promise<void> | null = null;
  let failure: Error | null = null;
  return {
    soon: () => {
      if (running !== null || performance.now() - last < intervalMs) return;
      last = performance.now();
      running = save()
        .catch((error: unknown) => {
          failure ??= error instanceof Error ? error : new Error(String(error));
        })
        .then(() => {
          running = null;
        });
    },
    finished: async () => {
      await running;
      if (failure !== null) throw failure;
    },
  };
}
