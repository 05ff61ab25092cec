/** A process that the durability test kills: writes messages one after the other and prints each acknowledged id. */
import { openStore } from './index.ts';

const dataFolder = process.argv[2];
if (dataFolder === undefined) throw new Error('usage: writer.fixture.ts DATA_FOLDER');
const store = await openStore({ dataFolder });
const { id } = await store.createConversation({ title: 'killed', libraryId: null, systemPrompt: '' });
process.stdout.write(`conversation ${id}\n`);
for (let batch = 0; ; batch++) {
  const content = `message ${String(batch)} `.repeat(50);
  const messages = await Promise.all(
    Array.from({ length: 1 + (batch % 5) }, () =>
      store.addMessage({ conversationId: id, parentId: null, role: 'user', content, status: 'done' }),
    ),
  );
  process.stdout.write(messages.map((message) => `message ${message.id}\n`).join(''));
}
