/**
 * A turn of a conversation: the question is saved before anything else, then the answer's row, then the work begins. An
 * edit or a regeneration is a new branch: nothing is overwritten.
 */
import { AppError } from '../../shared/errors.ts';
import type { Conversation, ConversationId, Library, Message, MessageId } from '../../shared/model/index.ts';
import type { AppEvent, Args, ChatEvent, Handlers, LibraryEvent } from '../../shared/rpc/index.ts';
import type { Store } from '../store/index.ts';
import { answerTurn } from './answer-turn.ts';
import { titleOf, turnsOf } from './conversation-turns.ts';
import type { EngineChoice, Engines, LoadedModel } from './engines.ts';
import type { Emit } from './event-stream.ts';
import { eventStream } from './event-stream.ts';
import type { AppEvents } from './events.ts';
import { branchOf } from './exports/tree.ts';
import type { Libraries } from './library.ts';
import { ATTACHED } from './library.ts';
import { samplingWith } from './sampling.ts';
import type { Nearest } from './passages.ts';
import type { AppSettings } from './settings.ts';
import { TurnClock } from './turn-clock.ts';
import type { TurnContextPlan } from './turn-context.ts';
import { planTurnContext } from './turn-context.ts';

export type AskRequest = Args<'chat.ask'>;

export interface ChatConfig {
  readonly store: Store;
  readonly engines: Engines;
  readonly libraries: Libraries;
  readonly settings: AppSettings;
  readonly events: AppEvents;
  readonly nearest: Nearest;
}

export function chatHandlers(chat: Chat): Pick<Handlers, 'chat.ask' | 'chat.count'> {
  return {
    'chat.ask': (args, { signal }) => eventStream((emit, stop) => chat.ask(args, emit, stop), signal),
    'chat.count': async ({ text, ...choice }) => ({ tokens: await chat.count(text, choice) }),
  };
}

interface Turn {
  readonly request: AskRequest;
  readonly conversation: Conversation;
  readonly choice: EngineChoice;
  readonly model: LoadedModel;
  readonly clock: TurnClock;
}

export class Chat {
  readonly #config: ChatConfig;
  /** conversations that are being answered; one may be asked twice at a time */
  readonly #answering: ConversationId[] = [];

  constructor(config: ChatConfig) {
    this.#config = config;
  }

  /**
   * Asks and answers; the last event is 'done', also of an answer that was stopped.
   * @throws AppError 'not-found' (library, conversation), 'conflict' (it is in the trash), 'context-full' (both numbers
   *   in details), 'model-missing', …
   */
  async ask(request: AskRequest, emit: Emit<ChatEvent>, signal: AbortSignal): Promise<void> {
    const clock = new TurnClock(request.startedAt ?? Date.now());
    clock.mark('spawn');
    const { engines } = this.#config;
    const existing = request.conversation === undefined ? null : await this.#existing(request.conversation);
    const choice = choiceOf(request, existing);
    const model = await engines.load(choice);
    // The model loads while passages are looked up; a failure shows when it is awaited.
    model.engine().catch(() => undefined);
    const conversation = await this.#conversation(request, existing, choice, emit, signal);
    this.#answering.push(conversation.id);
    this.#tell();
    try {
      await this.#turn({ request, conversation, choice, model, clock }, emit, signal);
    } finally {
      this.#answering.splice(this.#answering.indexOf(conversation.id), 1);
      this.#tell();
    }
  }

  /** which conversations are being answered now */
  answering(): Extract<AppEvent, { kind: 'answering' }> {
    return { kind: 'answering', conversations: [...new Set(this.#answering)] };
  }

  isAnswering(id: ConversationId): boolean {
    return this.#answering.includes(id);
  }

  /** @throws AppError 'model-missing', 'not-found' */
  async count(text: string, choice: EngineChoice): Promise<number> {
    const model = await this.#config.engines.load(choice);
    return model.writer.text(text).length;
  }

  async #turn(turn: Turn, emit: Emit<ChatEvent>, signal: AbortSignal): Promise<void> {
    const { request, conversation, choice, model, clock } = turn;
    const { store, engines, settings, nearest } = this.#config;
    const question = await this.#question(request, conversation);
    const before = branchOf(await store.messages(conversation.id), question.parentId);
    const answer = await store.addMessage({
      conversationId: conversation.id,
      parentId: question.id,
      role: 'assistant',
      content: '',
      status: 'running',
    });
    this.#config.events.emit({ kind: 'conversations' });
    emit({ kind: 'started', conversationId: conversation.id, questionId: question.id, answerId: answer.id });
    const sampling = samplingWith(
      settings.current['chat.parameters'],
      conversation.parameters ?? {},
      request.sampling ?? {},
    );
    let context: TurnContextPlan;
    try {
      const libraries = await this.#librariesOf(conversation, request, choice, emit, signal);
      context = await planTurnContext({ store, engines, nearest }, model, {
        choice,
        libraries,
        systemPrompt: conversation.systemPrompt || settings.current['chat.systemPrompt'],
        turns: turnsOf(before),
        question: question.content,
        passagesText: request.regenerate === undefined ? undefined : question.passagesText,
        usePassages: request.passages ?? true,
        documents: request.documents,
        useState: request.state ?? true,
        maxTokens: sampling.maxTokens,
        whenFull: request.whenFull ?? (settings.current['context.whenFull'] === 'slide' ? 'slide' : 'refuse'),
      });
    } catch (error) {
      await this.#notBegun(conversation, answer, error, signal);
      throw error;
    }
    if (context.passagesText !== '') await store.setPassagesText(question.id, context.passagesText);
    const done = await answerTurn({
      store,
      model,
      context,
      question: question.content,
      answer,
      sampling,
      clock,
      emit,
      signal,
    });
    emit({ kind: 'done', answer: done });
  }

  async #existing(id: ConversationId): Promise<Conversation> {
    const conversation = await this.#config.store.conversation(id);
    if (conversation === null)
      throw new AppError(
        'not-found',
        `There is no conversation ${id}.`,
        'See `longleaf conversations list`.',
      );
    if (conversation.deletedAt !== null)
      throw new AppError('conflict', 'This conversation is in the trash.', 'Restore it, then ask again.');
    return conversation;
  }

  async #conversation(
    request: AskRequest,
    existing: Conversation | null,
    choice: EngineChoice,
    emit: Emit<ChatEvent>,
    signal: AbortSignal,
  ): Promise<Conversation> {
    const { store, libraries } = this.#config;
    const library =
      request.library === undefined
        ? undefined
        : await libraries.ensureIndexed(request.library, choice, indexProgress(emit), signal);
    if (existing === null) {
      return store.createConversation({
        title: titleOf(request.question),
        libraryId: library?.id ?? null,
        systemPrompt: '',
      });
    }
    const title = existing.title === '' ? { title: titleOf(request.question) } : {};
    const libraryId = library?.id ?? existing.libraryId;
    if (existing.title !== '' && libraryId === existing.libraryId) return existing;
    return store.updateConversation(existing.id, { ...title, libraryId });
  }

  async #question(request: AskRequest, conversation: Conversation): Promise<Message> {
    const { store } = this.#config;
    if (request.regenerate !== undefined) return this.#message(conversation, request.regenerate);
    return store.addMessage({
      conversationId: conversation.id,
      parentId: parentOf(request, conversation),
      role: 'user',
      content: request.question,
      status: 'done',
      clearsDraft: isWhatBecameOf(conversation.draft, request.question),
    });
  }

  async #message(conversation: Conversation, id: MessageId): Promise<Message> {
    const messages = await this.#config.store.messages(conversation.id);
    const message = messages.find((one) => one.id === id && one.role === 'user');
    if (message !== undefined) return message;
    throw new AppError('not-found', `There is no question ${id} in this conversation.`);
  }

  /** The conversation's library, then what is attached to it. */
  async #librariesOf(
    conversation: Conversation,
    request: AskRequest,
    choice: EngineChoice,
    emit: Emit<ChatEvent>,
    signal: AbortSignal,
  ): Promise<readonly Library[]> {
    const { store, libraries } = this.#config;
    const attachedName = `${ATTACHED}${conversation.id}`;
    if (request.add !== undefined) {
      await libraries.add(
        { ...choice, name: attachedName, paths: request.add, read: 'never' },
        indexProgress(emit),
        signal,
      );
    }
    const main = conversation.libraryId === null ? null : await store.libraryById(conversation.libraryId);
    const attached = await store.library(attachedName);
    return [main, attached].filter((library) => library !== null);
  }

  #tell(): void {
    this.#config.events.emit(this.answering());
    this.#config.events.emit({ kind: 'conversations' });
  }

  /**
   * What could not begin stays in the tree with its question. One that does not fit is taken from view again: the user
   * is asked what to do, and the answer to that is another turn.
   */
  async #notBegun(
    conversation: Conversation,
    answer: Message,
    error: unknown,
    signal: AbortSignal,
  ): Promise<void> {
    const { store } = this.#config;
    const doesNotFit = error instanceof AppError && error.code === 'context-full';
    // the first failure is what the user must see
    await store
      .updateAnswer(answer.id, { status: signal.aborted ? 'stopped' : 'failed' })
      .catch(() => undefined);
    if (doesNotFit && conversation.currentId !== null)
      await store.updateConversation(conversation.id, { currentId: conversation.currentId });
  }
}

/** What the call chooses, else what the conversation has chosen for itself. */
function choiceOf(request: AskRequest, conversation: Conversation | null): EngineChoice {
  return {
    model: request.model ?? conversation?.model ?? undefined,
    plan: request.plan ?? conversation?.plan ?? undefined,
    backend: request.backend,
  };
}

/** A draft is saved now and then: what was sent may be longer. Any other draft is still wanted. */
function isWhatBecameOf(draft: string, question: string): boolean {
  return question.trim().startsWith(draft.trim());
}

/** The message that the question follows. */
function parentOf(request: AskRequest, conversation: Conversation): MessageId | null {
  if (request.parent !== undefined) return request.parent;
  return conversation.currentId;
}

/** Of indexing, a chat shows how far it is. */
function indexProgress(emit: Emit<ChatEvent>): Emit<LibraryEvent> {
  return (event) => {
    if (event.kind === 'progress')
      emit({ kind: 'progress', phase: 'index', done: event.done, total: event.total });
  };
}
