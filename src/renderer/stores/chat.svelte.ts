/**
 * The conversation that is open: its tree of messages, the branch that is shown, and the answers being written, which
 * go on when another conversation is opened.
 */
import { SvelteMap } from 'svelte/reactivity';
import type { AppError } from '../../shared/errors.ts';
import type { Conversation, ConversationId, Message, MessageId } from '../../shared/model/index.ts';
import { branchOf, mergeMessages, newestLeaf, siblingsOf } from '../lib/message-tree.ts';
import { m } from '../paraglide/messages.js';
import { conversations } from './conversations.svelte.ts';
import { asAppError, core } from './core.svelte.ts';
import { Turn, type Request } from './turn.svelte.ts';
import { ui } from './ui.svelte.ts';

/** A question that would not fit: both numbers, and what was asked. */
export interface Overflow {
  readonly offered: number | null;
  readonly limit: number | null;
  readonly questionId: MessageId | null;
  readonly request: Request;
}

/** ms between looks at an answer that another window writes */
const FOLLOW_MS = 1_200;
/** ms in which the end of a conversation is shown before the rest of it is fetched */
const END_FIRST_MS = 80;

class Chat {
  /** null: a new chat, which is created with its first question or draft */
  id = $state.raw<ConversationId | null>(null);
  #loaded = $state.raw<Conversation | null>(null);
  /** of the tree, in no order: the end of the shown branch first, soon all (`whole`) */
  messages = $state.raw<readonly Message[]>([]);
  currentId = $state.raw<MessageId | null>(null);
  /** name of the library; of a new chat: the one chosen for it */
  library = $state<string | null>(null);
  loading = $state(false);
  error = $state.raw<AppError | null>(null);
  /** counts what was opened, so that views and the box to write in begin anew */
  opened = $state(0);
  /** the next question follows this message, whatever comes after it now */
  branchAt = $state.raw<MessageId | null>(null);
  overflow = $state.raw<Overflow | null>(null);
  /** model of a new chat; null = the default one */
  newModel = $state<string | null>(null);
  readonly #turns = new SvelteMap<ConversationId, Turn>();
  #fresh = $state.raw<Turn | null>(null);
  /** conversations that may lose their older turns: asked once */
  readonly #mayTurnsSlide = new Set<ConversationId>();
  #follow: ReturnType<typeof setTimeout> | undefined;
  /** fulfilled when the tree of the open conversation is there */
  #whole: Promise<void> = Promise.resolve();

  readonly branch = $derived(this.#shownBranch());
  readonly siblings = $derived(siblingsOf(this.messages));

  constructor() {
    core.whenReady(() => void this.reload());
    core.listen((event) => {
      if (event.kind === 'conversations' && this.turn === null) void this.#refresh();
    });
  }

  /** its row, as the list knows it now, else as it was loaded; null: a new chat, or not loaded yet */
  get conversation(): Conversation | null {
    if (this.id === null) return null;
    return conversations.find(this.id)?.conversation ?? this.#loaded;
  }

  /** The answer that is being written here; null: none */
  get turn(): Turn | null {
    return this.id === null ? this.#fresh : (this.#turns.get(this.id) ?? null);
  }

  get answering(): boolean {
    return this.turn !== null || this.branch.at(-1)?.status === 'running';
  }

  get model(): string | null {
    return this.id === null ? this.newModel : (this.conversation?.model ?? null);
  }

  isAnswering(id: ConversationId): boolean {
    return this.#turns.has(id) || (core.status === 'ready' && conversations.answering.has(id));
  }

  async open(id: ConversationId | null): Promise<void> {
    if (id === this.id && (id !== null || this.messages.length === 0)) return;
    this.id = id;
    this.opened += 1;
    this.#clear();
    await this.reload();
  }

  /** A new chat has got a place in the data: from now on it is this conversation. */
  adopt(conversation: Conversation): void {
    this.id = conversation.id;
    this.#loaded = conversation;
    // The user may look at something else by now.
    if (ui.view.kind === 'chat') ui.show({ kind: 'chat', id: conversation.id });
  }

  /** The end of it is shown at once, however long it is; what lies before comes right after. */
  async reload(): Promise<void> {
    const { id } = this;
    if (id === null) return;
    this.loading = this.messages.length === 0;
    try {
      const details = await core.client.call('conversations.show', { id, messages: 'latest' });
      if (this.id !== id) return;
      this.#loaded = details.conversation;
      this.library = details.library;
      this.messages = mergeMessages(this.messages, details.messages);
      this.currentId = details.conversation.currentId;
      this.error = null;
      if (this.messages.length < details.messageCount) this.#whole = this.#loadWhole(id);
      this.#followOthers();
    } catch (error) {
      if (this.id === id && core.status === 'ready') this.error = asAppError(error);
    } finally {
      if (this.id === id) this.loading = false;
    }
  }

  /** False: it is not a message of this conversation. */
  async has(id: MessageId): Promise<boolean> {
    await this.#whole;
    return this.messages.some((message) => message.id === id);
  }

  async #loadWhole(id: ConversationId): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, END_FIRST_MS));
    if (this.id !== id) return;
    const details = await core.client.call('conversations.show', { id, messages: 'tree' }).catch(() => null);
    // Without the core what is there stays; the next reload asks again.
    if (this.id === id && details !== null) this.messages = mergeMessages(this.messages, details.messages);
  }

  /** @param request what is not said follows from the conversation */
  async ask(request: Omit<Request, 'conversation'>): Promise<void> {
    if (this.turn !== null) return;
    const parent = this.branchAt ?? this.currentId;
    const model = this.id === null ? this.newModel : null;
    const full: Request = {
      ...(this.id === null ? {} : { conversation: this.id }),
      ...(this.id === null && this.library !== null ? { library: this.library } : {}),
      ...(model === null ? {} : { model }),
      ...(this.id === null || request.regenerate !== undefined ? {} : { parent }),
      whenFull: this.#whenFull(),
      ...request,
    };
    this.branchAt = null;
    this.overflow = null;
    const turn = new Turn(full);
    if (this.id === null) this.#fresh = turn;
    else this.#turns.set(this.id, turn);
    await turn.run(() => this.#started(turn));
    this.#ended(turn);
  }

  /** The same place of the tree, other words: the old question stays as a branch. */
  edit(question: Message, text: string): Promise<void> {
    return this.ask({ question: text, parent: question.parentId });
  }

  /** Another answer beside `answer`. */
  regenerate(answer: Message): Promise<void> {
    const question = this.messages.find(({ id }) => id === answer.parentId);
    if (question === undefined) return Promise.resolve();
    return this.ask({ question: question.content, regenerate: question.id });
  }

  /** A stopped answer goes on in a turn of its own. */
  goOn(answer: Message): Promise<void> {
    return this.ask({ question: m.chat_continue_question(), parent: answer.id });
  }

  stop(): void {
    this.turn?.stop();
  }

  /** The user's answer to "more than fits": older turns may slide out of this conversation, or nothing is sent. */
  async slide(): Promise<void> {
    const { overflow } = this;
    if (overflow === null) return;
    if (this.id !== null) this.#mayTurnsSlide.add(this.id);
    const { questionId, request } = overflow;
    const { question, documents } = request;
    await this.ask({
      question,
      ...(documents === undefined ? {} : { documents }),
      whenFull: 'slide',
      ...(questionId === null ? {} : { regenerate: questionId }),
    });
  }

  /** Shows the branch of the message beside this one. @param step -1 = the older one */
  async showSibling(message: Message, step: 1 | -1): Promise<void> {
    const group = this.siblings.get(message.id) ?? [];
    const other = group[group.indexOf(message.id) + step];
    if (other !== undefined) await this.showBranchOf(other);
  }

  /** Shows the newest branch that holds a message. */
  async showBranchOf(id: MessageId): Promise<void> {
    if (this.id === null || !(await this.has(id))) return;
    this.branchAt = null;
    this.currentId = newestLeaf(this.messages, id);
    this.#loaded = await core.client.call('conversations.change', { id: this.id, shown: id });
  }

  #whenFull(): 'slide' | 'refuse' {
    if (core.settings['context.whenFull'] === 'slide') return 'slide';
    return this.id !== null && this.#mayTurnsSlide.has(this.id) ? 'slide' : 'refuse';
  }

  #shownBranch(): readonly Message[] {
    const whole = branchOf(this.messages, this.currentId);
    const at = whole.findIndex(({ id }) => id === this.branchAt);
    return at < 0 ? whole : whole.slice(0, at + 1);
  }

  /** Question and answer have rows now: they take their place in the tree before anything is fetched. */
  #started(turn: Turn): void {
    const { conversationId, questionId, answerId, request } = turn;
    if (conversationId === null || questionId === null || answerId === null) return;
    if (this.#fresh === turn) {
      this.#fresh = null;
      this.#turns.set(conversationId, turn);
      const { view } = ui;
      if (this.id === null && view.kind === 'chat' && view.id === null) {
        this.id = conversationId;
        ui.show({ kind: 'chat', id: conversationId });
      }
    }
    if (this.id !== conversationId) return;
    const now = new Date().toISOString();
    const common = { conversationId, createdAt: now };
    const question: Message = {
      ...common,
      id: questionId,
      parentId: request.parent === undefined ? this.currentId : (request.parent as MessageId | null),
      role: 'user',
      content: request.question,
      status: 'done',
    };
    const answer: Message = {
      ...common,
      id: answerId,
      parentId: questionId,
      role: 'assistant',
      content: '',
      status: 'running',
    };
    this.messages = [...this.messages, ...(request.regenerate === undefined ? [question] : []), answer];
    this.currentId = answerId;
  }

  #ended(turn: Turn): void {
    if (this.#fresh === turn) this.#fresh = null;
    const id = turn.conversationId;
    if (id !== null && this.#turns.get(id) === turn) this.#turns.delete(id);
    if (id === this.id) this.#settle(turn);
    const { error } = turn;
    if (error === null || error.code === 'interrupted') return;
    if (error.code === 'context-full' && core.settings['context.whenFull'] === 'ask' && id === this.id)
      this.overflow = overflowOf(turn, error);
    else if (turn.answerId === null || error.code !== 'engine-lost') ui.error = error;
  }

  /** What the answer has become, in its row; then what the core holds of it. */
  #settle(turn: Turn): void {
    const { answer } = turn;
    this.messages = this.messages.map((message) => {
      if (message.id !== turn.answerId) return message;
      if (answer === null) return { ...message, content: turn.text, status: statusOf(turn) };
      const { citations, receipt, timings, model, backend, plan } = answer;
      return {
        ...message,
        content: answer.answer,
        status: answer.status,
        citations,
        receipt,
        timings,
        model,
        backend,
        plan,
      };
    });
    if (answer === null && core.status === 'ready') void this.reload();
  }

  #clear(): void {
    clearTimeout(this.#follow);
    this.#loaded = null;
    this.messages = [];
    this.currentId = null;
    this.library = null;
    this.newModel = null;
    this.error = null;
    this.branchAt = null;
    this.overflow = null;
  }

  /** Somebody else may have changed this conversation: a look at its row says. */
  async #refresh(): Promise<void> {
    const { id } = this;
    if (id === null) return;
    if (conversations.find(id)?.messages !== this.messages.length) await this.reload();
  }

  /** An answer that another window or terminal writes is read along. */
  #followOthers(): void {
    clearTimeout(this.#follow);
    if (this.turn !== null || !this.messages.some(({ status }) => status === 'running')) return;
    this.#follow = setTimeout(() => void this.reload(), FOLLOW_MS);
  }
}

function statusOf(turn: Turn): Message['status'] {
  if (turn.error === null || turn.error.code === 'interrupted') return 'stopped';
  return turn.error.code === 'engine-lost' ? 'interrupted' : 'failed';
}

function overflowOf(turn: Turn, { details }: AppError): Overflow {
  const numberOf = (value: unknown) => (typeof value === 'number' ? value : null);
  return {
    offered: numberOf(details?.['offered']),
    limit: numberOf(details?.['limit']),
    questionId: turn.questionId,
    request: turn.request,
  };
}

export const chat = new Chat();
