/** Conversations for tests of exports. */
import type { Conversation, ConversationId, Message, MessageId } from '../../../shared/model/index.ts';
import type { ConversationTree } from './tree.ts';

const at = '2026-01-02T03:04:05.000Z';
const id = '01KDZ00000000000000000000A' as ConversationId;

export type MessageFields = Pick<Message, 'role' | 'content'> &
  Partial<Omit<Message, 'id' | 'parentId'>> & { readonly id: string; readonly parentId: string | null };

export function message(fields: MessageFields): Message {
  return {
    conversationId: id,
    status: 'done',
    createdAt: at,
    ...fields,
    id: fields.id as MessageId,
    parentId: fields.parentId as MessageId | null,
  };
}

export function conversation(fields: Partial<Conversation> = {}): Conversation {
  return {
    id,
    title: 'What ship: "A/B"?',
    libraryId: null,
    folderId: null,
    pinned: false,
    draft: '',
    systemPrompt: '',
    parameters: null,
    model: null,
    plan: null,
    currentId: 'm3' as MessageId,
    createdAt: at,
    updatedAt: at,
    deletedAt: null,
    ...fields,
  };
}

/** a question with two answers, of which the second is shown, with citation and receipt */
export const whaleMessages: readonly Message[] = [
  message({ id: 'm1', parentId: null, role: 'user', content: 'What ship?' }),
  message({ id: 'm2', parentId: 'm1', role: 'assistant', content: 'The Rachel.' }),
  message({
    id: 'm3',
    parentId: 'm1',
    role: 'assistant',
    content: 'The **Pequod**.',
    model: 'SmolLM2',
    plan: 'window',
    citations: [
      {
        document: 'Moby-Dick',
        path: 'moby.epub',
        start: 10,
        end: 25,
        quote: 'the Pequod\nsails',
        section: 'CHAPTER 16',
      },
    ],
    receipt: {
      offered: 1300,
      reused: 1000,
      read: 234,
      pending: 66,
      dropped: 0,
      passages: 3,
      overhead: 2,
      exact: 10,
      sparse: 0,
      sources: [
        { kind: 'turn', name: 'question', offered: 1300, reused: 1000, read: 234, pending: 66, dropped: 0 },
      ],
    },
  }),
];

export const whale: ConversationTree = {
  conversation: conversation(),
  library: 'moby',
  folder: 'Sea',
  messages: whaleMessages,
};

/** one question after the other, each the next one's parent */
export function thread(contents: readonly string[], title = 'Thread'): ConversationTree {
  const messages = contents.map((content, index) =>
    message({
      id: `m${String(index)}`,
      parentId: index === 0 ? null : `m${String(index - 1)}`,
      role: index % 2 === 0 ? 'user' : 'assistant',
      content,
    }),
  );
  const currentId = messages.at(-1)?.id ?? null;
  return { conversation: conversation({ title, currentId }), library: null, folder: null, messages };
}
