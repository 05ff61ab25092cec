/** The worker that colours source code: no grammar, however slow on some text, holds up the page. */
import { wordsOf } from './tokens.ts';
import type { Asked, Coloured } from './tokens.ts';

addEventListener('message', ({ data }: MessageEvent<Asked>) => {
  const { id, code, language } = data;
  const answer = (lines: Coloured['lines']) => postMessage({ id, lines } satisfies Coloured);
  wordsOf(code, language).then(answer, () => answer(null));
});
