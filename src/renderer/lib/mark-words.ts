/** Marks words on the page without touching its elements (CSS Custom Highlights, `::highlight(found)`). */
const NAME = 'found';
const MOST = 500;

/** @param words '' takes the marks away */
export function markWords(within: string, words: string): void {
  if (typeof Highlight === 'undefined') return;
  CSS.highlights.delete(NAME);
  const wanted = words.trim().toLowerCase();
  const root = document.querySelector(within);
  if (wanted === '' || root === null) return;
  const ranges: Range[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null && ranges.length < MOST; node = walker.nextNode()) {
    const text = node.textContent?.toLowerCase() ?? '';
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      ranges.push(range);
    }
  }
  CSS.highlights.set(NAME, new Highlight(...ranges));
}
