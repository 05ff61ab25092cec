/** The book that the app comes with: something to ask about before one's own files are at hand. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Handlers } from '../../shared/rpc/index.ts';

const BOOK = fileURLToPath(new URL('../../../resources/sample/Moby-Dick.md', import.meta.url));

/** Of bench/questions/moby-dev.json; the default model answers them, with the right sentence as citation. */
const QUESTIONS = [
  'Of what place was Flask, the third mate, a native?',
  'What is an ounce of ambergris worth to a druggist?',
];

export const sampleHandlers: Pick<Handlers, 'app.sample'> = {
  'app.sample': async () => {
    const { size } = await stat(BOOK);
    return { name: basename(BOOK, '.md'), path: BOOK, bytes: size, questions: QUESTIONS };
  },
};
