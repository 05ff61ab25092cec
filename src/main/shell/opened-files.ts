/** Files that the system asks this app to open: exports (JSON) and models (GGUF). */
import { extname, resolve } from 'node:path';

const KINDS = ['.gguf', '.json'];

/** Absolute paths among the arguments of a start; options and everything else are left out. */
export function filesIn(argv: readonly string[], folder: string): readonly string[] {
  return argv
    .slice(1)
    .filter((argument) => !argument.startsWith('-') && KINDS.includes(extname(argument).toLowerCase()))
    .map((argument) => resolve(folder, argument));
}

/** Keeps files until the page listens: the system may hand them over before there is a window. */
export class OpenedFiles {
  #waiting: string[] = [];
  #listener: ((paths: readonly string[]) => void) | null = null;

  add(paths: readonly string[]): void {
    this.#waiting.push(...paths);
    this.#flush();
  }

  /** Null: the page is being loaded anew. */
  listen(listener: ((paths: readonly string[]) => void) | null): void {
    this.#listener = listener;
    this.#flush();
  }

  #flush(): void {
    if (this.#listener && this.#waiting.length > 0) this.#listener(this.#waiting.splice(0));
  }
}
