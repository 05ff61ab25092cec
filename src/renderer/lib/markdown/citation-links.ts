/** The marks of citations in a set text (citation-marks.ts) become links. */
import { m } from '../../paraglide/messages.js';
import { MARK_CLOSE, MARK_OPEN } from './citation-marks.ts';

const MARK = new RegExp(`${MARK_OPEN}(\\d+|none)${MARK_CLOSE}`);

/** `data-cite` holds the citation's place in the answer's list, from 0. */
export function placeCitations(root: HTMLElement): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const marked: Text[] = [];
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode())
    if (node instanceof Text && node.data.includes(MARK_OPEN)) marked.push(node);
  for (const text of marked) placeIn(text);
}

function placeIn(text: Text): void {
  let rest = text;
  for (let match = MARK.exec(rest.data); match !== null; match = MARK.exec(rest.data)) {
    const mark = rest.splitText(match.index);
    rest = mark.splitText(match[0].length);
    const link = match[1] === 'none' ? noneFound() : citationLink(Number(match[1]));
    // TeX is read as text: the link stands behind the formula.
    const formula = mark.parentElement?.closest('.math');
    if (formula) {
      mark.remove();
      formula.after(link);
    } else mark.replaceWith(link);
  }
}

function noneFound(): HTMLElement {
  const word = document.createElement('span');
  word.className = 'cite none';
  word.title = m.chat_nothing_found();
  word.textContent = m.chat_none();
  return word;
}

function citationLink(index: number): HTMLAnchorElement {
  const number = String(index + 1);
  const link = document.createElement('a');
  link.className = 'cite';
  link.href = `#passage-${number}`;
  link.dataset['cite'] = String(index);
  link.setAttribute('aria-label', m.chat_passage_n({ number }));
  link.textContent = number;
  return link;
}
