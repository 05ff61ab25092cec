/**
 * The second wall around what models, books and imported files say: whatever the Markdown renderer lets through by a
 * mistake of ours still runs, loads and leaves nothing. DOMPurify parses in a document of its own and hands over
 * elements, so no HTML text is ever assigned in the page (Trusted Types: policy `dompurify`).
 */
import DOMPurify from 'dompurify';

const TAGS = [
  ...['p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'ul', 'ol', 'li'],
  ...['em', 'strong', 's', 'del', 'code', 'pre', 'a', 'span', 'div'],
  ...['table', 'thead', 'tbody', 'tr', 'th', 'td'],
];
const ATTRIBUTES = ['href', 'class', 'start', 'target', 'rel', 'title'];

export function sanitise(html: string): DocumentFragment {
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ADD_URI_SAFE_ATTR: ['start', 'target', 'rel'],
    ALLOWED_URI_REGEXP: /^(?:https?:\/\/|mailto:)/i,
    ALLOW_ARIA_ATTR: false,
    ALLOW_DATA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
}
