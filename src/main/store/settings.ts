import type { Db } from './database.ts';
import { decodeOptional, encodeText } from './text.ts';

export class Settings {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  get(key: string): string | null {
    const value = this.#db
      .prepare<[string], string | Buffer>('SELECT value FROM settings WHERE key = ?')
      .pluck()
      .get(key);
    return decodeOptional(value ?? null);
  }

  set(key: string, value: string): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)')
      .run(key, encodeText(value));
  }

  getAll(keys: readonly string[]): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    for (const key of keys) {
      const value = this.get(key);
      if (value !== null) found.set(key, value);
    }
    return found;
  }

  setAll(values: ReadonlyMap<string, string>): void {
    this.#db.transaction(() => {
      for (const [key, value] of values) this.set(key, value);
    })();
  }
}
