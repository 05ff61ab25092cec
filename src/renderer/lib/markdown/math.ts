/** Sets the TeX of a page with KaTeX, which is loaded when the first formula is met. */
import 'katex/dist/katex.min.css';

/** Builds elements, no HTML text: nothing to sanitise, and styles set this way need no leave of the CSP. */
export async function setMath(elements: readonly HTMLElement[]): Promise<void> {
  const { default: katex } = await import('katex');
  for (const element of elements) {
    const tex = element.textContent;
    const box = document.createElement('span');
    try {
      katex.render(tex, box, {
        displayMode: element.classList.contains('display'),
        trust: false,
        maxExpand: 1_000,
        maxSize: 50,
        strict: 'ignore',
        throwOnError: true,
      });
    } catch {
      const marks = element.classList.contains('display') ? '$$' : '$';
      element.textContent = `${marks}${tex}${marks}`; // not TeX: it stays as it was written
      continue;
    }
    element.replaceChildren(...box.childNodes);
    element.classList.add('set');
  }
}
