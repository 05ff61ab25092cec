/** An answer while it is being written: what was asked, how far reading is, the text so far. */
import type { AppError } from '../../shared/errors.ts';
import type { ConversationId, MessageId } from '../../shared/model/index.ts';
import type { Answer, ArgsInput, ChatEvent } from '../../shared/rpc/index.ts';
import { asAppError, core } from './core.svelte.ts';

export type Request = ArgsInput<'chat.ask'>;
type Progress = Extract<ChatEvent, { kind: 'progress' }>;

/** ms between two looks of the page at the text: faster than reading, slower than tokens */
const FLUSH_MS = 40;
/** ms over which tokens per second are counted */
const RATE_WINDOW_MS = 3_000;

export class Turn {
  readonly request: Request;
  conversationId = $state.raw<ConversationId | null>(null);
  questionId = $state.raw<MessageId | null>(null);
  answerId = $state.raw<MessageId | null>(null);
  /** before the first token */
  progress = $state.raw<Progress | null>(null);
  /** place in the engine's queue; 0 = running */
  place = $state(0);
  text = $state('');
  /** tokens per second, of the last seconds; 0 = not writing yet */
  rate = $state(0);
  state = $state<'running' | 'stopping' | 'ended'>('running');
  error = $state.raw<AppError | null>(null);
  answer = $state.raw<Answer | null>(null);
  readonly #abort = new AbortController();
  #waiting = '';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #tokenTimes: number[] = [];

  constructor(request: Request) {
    this.request = request;
    this.conversationId = (request.conversation as ConversationId | undefined) ?? null;
  }

  get writing(): boolean {
    return this.text !== '';
  }

  /** What is there is kept; the stream then ends by itself. */
  stop(): void {
    if (this.state === 'running') this.state = 'stopping';
    this.#abort.abort();
  }

  /** Until the last event. Never throws: `error` says what went wrong. */
  async run(onStarted: () => void): Promise<void> {
    try {
      for await (const event of core.client.stream('chat.ask', this.request, this.#abort.signal)) {
        this.#take(event);
        if (event.kind === 'started') onStarted();
      }
    } catch (error) {
      this.error = asAppError(error);
    }
    this.#flush();
    this.state = 'ended';
  }

  #take(event: ChatEvent): void {
    if (event.kind === 'started') {
      this.conversationId = event.conversationId;
      this.questionId = event.questionId;
      this.answerId = event.answerId;
    } else if (event.kind === 'queue') this.place = event.place;
    else if (event.kind === 'progress') this.progress = event;
    else if (event.kind === 'done') this.answer = event.answer;
    else {
      this.#waiting += event.text;
      this.#tokenTimes.push(performance.now());
      this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS);
    }
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting === '') return;
    this.text += this.#waiting;
    this.#waiting = '';
    const now = performance.now();
    this.#tokenTimes = this.#tokenTimes.filter((time) => now - time < RATE_WINDOW_MS);
    const [first] = this.#tokenTimes;
    const seconds = first === undefined ? 0 : (now - first) / 1_000;
    if (seconds > 0.2) this.rate = (this.#tokenTimes.length - 1) / seconds;
  }
}
