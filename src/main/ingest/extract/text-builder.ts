/** Builds plain text out of runs, collapsing white space as browsers do and placing line breaks between blocks. */
export class TextBuilder {
  #text = '';
  #parts: string[] = [];
  #length = 0;
  #breaks = 0;
  #space = false;
  #verbatim = 0;
  #prefix = '';
  #marks: ((start: number) => void)[] = [];

  /** white space collapses, outside of <pre> */
  text(run: string): void {
    const clean = run.replace(/\r\n?/g, '\n').replaceAll('\0', '\ufffd');
    if (this.#verbatim > 0) {
      if (clean !== '') this.#emit(clean);
      return;
    }
    const collapsed = clean.replace(/[ \t\n\f]+/g, ' ');
    const bare = collapsed.replace(/^ | $/g, '');
    if (collapsed.startsWith(' ')) this.#space = true;
    if (bare !== '') {
      this.#emit(bare);
      this.#space = collapsed.endsWith(' ');
    }
  }

  /** at least this many line ends before what comes next (2 = a blank line) */
  breakLines(count: 1 | 2): void {
    this.#breaks = Math.max(this.#breaks, count);
    this.#space = false;
  }

  /** <br>: several make several */
  lineBreak(): void {
    if (this.#length > 0) this.#breaks = Math.min(this.#breaks + 1, 3);
    this.#space = false;
  }

  /** stands before the next run of text, on its line */
  prefix(text: string): void {
    this.#prefix = text;
  }

  /** between two cells: now, if there is text on this line, also when a cell is empty */
  separator(text: string): void {
    if (this.#breaks === 0 && this.#length > 0) this.#append(text);
    this.#space = false;
  }

  enterVerbatim(): void {
    this.#verbatim++;
  }

  leaveVerbatim(): void {
    this.#verbatim--;
  }

  /** calls back with the offset of the next character that is written */
  mark(found: (start: number) => void): void {
    this.#marks.push(found);
  }

  /** without white space at its end; marks without text after them point to the end */
  finish(): string {
    const text = (this.#text + this.#parts.join('')).trimEnd();
    for (const found of this.#marks) found(text.length);
    this.#marks = [];
    return text;
  }

  #emit(run: string): void {
    if (this.#length > 0 && this.#breaks > 0) this.#append('\n'.repeat(this.#breaks));
    else if (this.#space && this.#length > 0) this.#append(' ');
    this.#breaks = 0;
    this.#space = false;
    for (const found of this.#marks) found(this.#length);
    this.#marks = [];
    this.#append(this.#prefix + run);
    this.#prefix = '';
  }

  #append(run: string): void {
    this.#parts.push(run);
    this.#length += run.length;
    if (this.#parts.length < 4096) return;
    this.#text += this.#parts.join('');
    this.#parts = [];
  }
}
