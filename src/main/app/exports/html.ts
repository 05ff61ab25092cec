/**
 * One HTML file for reading: nothing in it runs, loads or calls home, whatever the conversation says. Markdown is
 * rendered by the settings that the window has (HTML in it is text), and a Content-Security-Policy forbids the rest.
 */
import { createHash } from 'node:crypto';
import { createMarkdown, type MarkdownIt } from '../../../shared/markdown/index.ts';
import type { Citation, Message } from '../../../shared/model/index.ts';
import { languageOf } from '../../../shared/text/language.ts';
import { htmlStyle } from './html-style.ts';
import { oneLine, shownMessages, titleOf, type ConversationTree } from './tree.ts';
import { aboutLine, dateOf, endingOf, placeOf, receiptLine, speakerOf } from './words.ts';

/** the style sheet alone is allowed, by its hash */
const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(htmlStyle).digest('base64')}'; base-uri 'none'; form-action 'none'`;

export function exportHtml(tree: ConversationTree): string {
  const page = new Page();
  const messages = shownMessages(tree);
  const title = titleOf(tree);
  const language = languageOf([title, ...messages.map((message) => message.content)].join('\n')) ?? 'en';
  const articles = messages.map((message) => page.article(message, language));
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Longleaf">
<title>${escapeHtml(title)}</title>
<style>${htmlStyle}</style>
</head>
<body>
<main>
<header>
<h1>${escapeHtml(title)}</h1>
<p lang="en">${escapeHtml(aboutLine(tree))}</p>
</header>
${articles.join('\n')}
${page.notes()}
</main>
</body>
</html>
`;
}

/** Numbers the citations through the file. */
class Page {
  readonly #markdown: MarkdownIt = createMarkdown();
  readonly #notes: Citation[] = [];

  article(message: Message, pageLanguage: string): string {
    const kind = message.role === 'user' ? 'question' : 'answer';
    const language = languageOf(message.content);
    const lang = language === null || language === pageLanguage ? '' : ` lang="${language}"`;
    return [
      `<article class="${kind}">`,
      `<h2 lang="en">${escapeHtml(speakerOf(message))}</h2>`,
      `<div class="text"${lang}>${this.#content(message)}</div>`,
      ...this.#foot(message),
      '</article>',
    ].join('\n');
  }

  /** a question is shown as it was typed, an answer as Markdown */
  #content(message: Message): string {
    const text = message.content.toWellFormed();
    return message.role === 'user'
      ? `<p class="typed">${escapeHtml(text)}</p>`
      : `\n${this.#markdown.render(text)}`;
  }

  #foot(message: Message): string[] {
    const marks = (message.citations ?? []).map((citation) => {
      const number = String(this.#notes.push(citation));
      return `<a id="mark-${number}" href="#note-${number}">${number}</a>`;
    });
    const ending = endingOf(message);
    const receipt = message.receipt === undefined ? [] : [`Context: ${receiptLine(message.receipt)}`];
    const facts = [...receipt, dateOf(message.createdAt)].filter((fact) => fact !== '');
    return [
      ...(ending === null ? [] : [`<p class="ending" lang="en">${ending}</p>`]),
      ...(marks.length === 0 ? [] : [`<p class="sources" lang="en">Sources: ${marks.join(' ')}</p>`]),
      `<p class="receipt" lang="en">${escapeHtml(facts.join(' · '))}</p>`,
    ];
  }

  notes(): string {
    if (this.#notes.length === 0) return '';
    const items = this.#notes.map((citation, index) => {
      const number = String(index + 1);
      const quote = oneLine(citation.quote);
      const language = languageOf(quote);
      const lang = language === null ? '' : ` lang="${language}"`;
      return `<li id="note-${number}"><span class="place">${escapeHtml(placeOf(citation))}</span><blockquote${lang}>${escapeHtml(quote)}</blockquote><a href="#mark-${number}">Back to the answer</a></li>`;
    });
    return `<section class="notes" lang="en">\n<h2>Sources</h2>\n<ol>\n${items.join('\n')}\n</ol>\n</section>`;
  }
}

/** NUL is not a character of HTML; a lone surrogate is none of UTF-8 */
function escapeHtml(text: string): string {
  return text
    .toWellFormed()
    .replace(/\0/g, '\uFFFD')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;');
}
