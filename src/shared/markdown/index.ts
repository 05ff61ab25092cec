/**
 * Markdown as Longleaf shows it: in the window, in HTML and in PDF exports. What a model, a book or an imported file
 * says is hostile until shown otherwise, so nothing in it may run, load or leave the page by itself:
 * - HTML in the text is text;
 * - images are named, never fetched;
 * - links go to http, https and mailto only, and open outside.
 * No inline styles come out, so that the page's Content-Security-Policy can forbid them.
 */
import MarkdownParser, { type MarkdownIt, type Token } from 'markdown-it';

export type { MarkdownIt, Token } from 'markdown-it';

/**
 * A renderer of its own for each caller, who may add to it: highlighting, math.
 * Output is safe as it stands; the renderer process sanitises it once more (DOMPurify).
 */
export function createMarkdown(): MarkdownIt {
  const markdown = new MarkdownParser({ html: false, linkify: true, typographer: false, breaks: false });
  // Bare addresses become links only where the scheme is written out: "run main.py" names no host in Paraguay.
  markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
  for (const scheme of ['ftp:', '//']) markdown.linkify.add(scheme, null);
  markdown.validateLink = isSafeLink;
  showImagesAsText(markdown);
  openLinksOutside(markdown);
  alignCellsByClass(markdown);
  return markdown;
}

/** http, https or mailto, with something behind it and no white space or control characters in it */
export function isSafeLink(address: string): boolean {
  return /^(?:https?:\/\/|mailto:)[^\s\p{Cc}]+$/iu.test(address);
}

/** The words that stand for an image; its address where it has none. */
export function imageText(image: Token): string {
  const alt = altText(image.children ?? []).trim();
  return alt === '' ? String(image.attrGet('src') ?? '') : alt;
}

function altText(tokens: readonly Token[]): string {
  return tokens
    .map((token) => {
      if (token.type === 'image') return imageText(token);
      return token.type === 'softbreak' || token.type === 'hardbreak' ? ' ' : token.content;
    })
    .join('');
}

function showImagesAsText(markdown: MarkdownIt): void {
  markdown.renderer.rules['image'] = (tokens, index) => {
    const image = tokens[index];
    const text = image === undefined ? '' : imageText(image);
    return `<span class="image-text">${markdown.utils.escapeHtml(text)}</span>`;
  };
}

function openLinksOutside(markdown: MarkdownIt): void {
  markdown.renderer.rules['link_open'] = (tokens, index, options, _env, renderer) => {
    const link = tokens[index];
    if (link !== undefined && isSafeLink(String(link.attrGet('href') ?? ''))) {
      link.attrSet('target', '_blank');
      link.attrSet('rel', 'noopener noreferrer');
    } else if (link !== undefined) {
      // `[words]()` never passes validateLink: the words stay, and lead nowhere
      link.attrs = null;
    }
    return renderer.renderToken(tokens, index, options);
  };
}

/** markdown-it aligns table cells by a style attribute; here it is a class: align-left, align-center, align-right */
function alignCellsByClass(markdown: MarkdownIt): void {
  for (const name of ['th_open', 'td_open']) {
    markdown.renderer.rules[name] = (tokens, index, options, _env, renderer) => {
      const cell = tokens[index];
      const side = /^text-align:(left|center|right)$/.exec(String(cell?.attrGet('style') ?? ''))?.[1];
      if (cell !== undefined && side !== undefined) {
        cell.attrs = (cell.attrs ?? []).filter(([attribute]) => attribute !== 'style');
        cell.attrJoin('class', `align-${side}`);
      }
      return renderer.renderToken(tokens, index, options);
    };
  }
}
