import { expect, it } from 'vitest';
import { openTestApp } from './app.fixture.ts';
import { asksAboutTheWhole } from './openings.ts';
import { questionTerms } from './words.ts';

it('a question without words to look for gets how the documents begin', async () => {
  const test = await openTestApp();
  try {
    await test.write({ 'a.txt': 'Logbook of the brig Adela.', 'b.txt': 'Letters of her mate.' });
    await test.add({ name: 'voyage' });
    const passagesFor = async (question: string): Promise<number> => {
      const { answer } = await test.ask({
        library: 'voyage',
        question,
        state: false,
        sampling: { maxTokens: 2 },
      });
      return answer.receipt.passages;
    };
    expect(await passagesFor('What is this about?')).toBeGreaterThan(0);
    expect(await passagesFor('何についてのものですか')).toBeGreaterThan(0);
    expect(await passagesFor('Who is Rumpelstiltskin?')).toBe(0);
  } finally {
    await test.close();
  }
});

it.each([
  ['What is this about?', true],
  ['What is this library about?', true],
  ['Summarise the whole book.', true],
  ['Where should I begin to read?', true],
  ['Summarise chapter 3', false],
  ['Tell me about Ahab', false],
  ['What does openTestApp contain?', false],
  ['What is "the whole" about?', false],
])('%s asks about the whole: %s', (question, expected) => {
  expect(asksAboutTheWhole(question, questionTerms(question))).toBe(expected);
});
