/**
 * A turn of a conversation: the question is saved before anything else, then the answer's row, then the work begins. An
 * edit or a regeneration is a new branch: nothing is overwritten.
 */
import { AppError } from '../../shared/errors.ts';
import type {
  Conversation,
  ConversationId,
  Library,
  Message,
  MessageId,
  SamplingParameters,
} from '../../shared/model/index.ts';
import type { ChatEvent, LibraryEvent } from '../../shared/rpc/index.ts';
import type { Store } from '../store/index.ts';
import { answerTurn } from './answer-turn.ts';
import { titleOf, turnsOf } from './conversation-turns.ts';
import type { EngineChoice, Engines } from './engines.ts';
import type { Emit } from './event-stream.ts';
import { branchOf } from './export.ts';
import type { Libraries } from './library.ts';
import { ATTACHED } from './library.ts';
import { samplingWith } from './sampling.ts';
import { TurnClock } from './turn-clock.ts';
import type { TurnContextPlan } from './turn-context.ts';
import { planTurnContext } from './turn-context.ts';

export interface AskRequest extends EngineChoice {
  readonly question: string;
  readonly library?: string | undefined;
  readonly add?: readonly string[] | undefined;
  readonly conversation?: ConversationId | undefined;
  /** the message before the question; absent: the last one of the branch that is shown */
  readonly parent?: MessageId | null | undefined;
  /** answer this question of the conversation again; `question` is then its text */
  readonly regenerate?: MessageId | undefined;
  readonly passages?: boolean | undefined;
  readonly state?: boolean | undefined;
  readonly sampling?:
    { readonly [K in keyof SamplingParameters]?: SamplingParameters[K] | undefined } | undefined;
  readonly whenFull?: 'refuse' | 'slide' | undefined;
  readonly startedAt?: number | undefined;
}

export interface ChatConfig {
  readonly store: Store;
  readonly engines: Engines;
  readonly libraries: Libraries;
}

export class Chat {
  readonly #config: ChatConfig;

  constructor(config: ChatConfig) {
    this.#config = config;
  }

  /**
   * Asks and answers; the last event is 'done', also of an answer that was stopped.
   * @throws AppError 'not-found' (library, conversation), 'context-full' (both numbers in details), 'model-missing', …
   */
  async ask(request: AskRequest, emit: Emit<ChatEvent>, signal: AbortSignal): Promise<void> {
    const clock = new TurnClock(request.startedAt ?? Date.now());
    clock.mark('spawn');
    const { store, engines } = this.#config;
    const model = await engines.load(request);
    // The model loads while passages are looked up; a failure shows when it is awaited.
    model.engine().catch(() => undefined);
    const conversation = await this.#conversation(request, emit, signal);
    const question = await this.#question(request, conversation);
    const before = branchOf(await store.messages(conversation.id), question.parentId);
    const answer = await store.addMessage({
      conversationId: conversation.id,
      parentId: question.id,
      role: 'assistant',
      content: '',
      status: 'running',
    });
    emit({ kind: 'started', conversationId: conversation.id, questionId: question.id, answerId: answer.id });
    const sampling = samplingWith(request.sampling ?? {});
    const libraries = await this.#librariesOf(conversation, request, emit, signal);
    let context: TurnContextPlan;
    try {
      context = await planTurnContext({ store, engines }, model, {
        choice: request,
        libraries,
        systemPrompt: conversation.systemPrompt,
        turns: turnsOf(before),
        question: question.content,
        passagesText: request.regenerate === undefined ? undefined : question.passagesText,
        usePassages: request.passages ?? true,
        useState: request.state ?? true,
        maxTokens: sampling.maxTokens,
        whenFull: request.whenFull ?? 'refuse',
      });
    } catch (error) {
      await this.#takeBack(conversation, answer);
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

  async #conversation(
    request: AskRequest,
    emit: Emit<ChatEvent>,
    signal: AbortSignal,
  ): Promise<Conversation> {
    const { store, libraries } = this.#config;
    const library =
      request.library === undefined
        ? undefined
        : await libraries.ensureIndexed(request.library, request, indexProgress(emit), signal);
    if (request.conversation === undefined) {
      return store.createConversation({
        title: titleOf(request.question),
        libraryId: library?.id ?? null,
        systemPrompt: '',
      });
    }
    const conversation = await store.conversation(request.conversation);
    if (conversation === null) {
      throw new AppError(
        'not-found',
        `There is no conversation ${request.conversation}.`,
        'See `longleaf conversations list`.',
      );
    }
    if (library === undefined || library.id === conversation.libraryId) return conversation;
    return store.updateConversation(conversation.id, { libraryId: library.id });
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
    emit: Emit<ChatEvent>,
    signal: AbortSignal,
  ): Promise<readonly Library[]> {
    const { store, libraries } = this.#config;
    const attachedName = `${ATTACHED}${conversation.id}`;
    if (request.add !== undefined) {
      const { model, plan, backend } = request;
      const choice = { model, plan, backend };
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

  /** A turn that could not begin stays in the tree, and the branch before it is shown again. */
  async #takeBack(conversation: Conversation, answer: Message): Promise<void> {
    const { store } = this.#config;
    await store.updateAnswer(answer.id, { status: 'failed' });
    if (conversation.currentId !== null) {
      await store.updateConversation(conversation.id, { currentId: conversation.currentId });
    }
  }
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
