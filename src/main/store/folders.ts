import { AppError } from '../../shared/errors.ts';
import type { Folder, FolderId } from '../../shared/model/index.ts';
import type { Db } from './database.ts';
import { newId } from './ids.ts';
import { decodeText, encodeText } from './text.ts';

interface FolderRow {
  id: FolderId;
  name: string | Buffer;
  created_at: string;
}

/** Folders of conversations; names may be equal, as in any file manager's bookmarks. */
export class Folders {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  create(name: string): Folder {
    const id = newId() as FolderId;
    this.#db
      .prepare(
        `INSERT INTO folders (id, seq, name, created_at)
         VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM folders), ?, ?)`,
      )
      .run(id, encodeText(name), new Date().toISOString());
    return this.require(id);
  }

  /** in the order in which they were made */
  list(): readonly Folder[] {
    return this.#db.prepare<[], FolderRow>('SELECT * FROM folders ORDER BY seq').all().map(toFolder);
  }

  /** @throws AppError 'not-found' */
  rename(id: FolderId, name: string): Folder {
    this.require(id);
    this.#db.prepare('UPDATE folders SET name = ? WHERE id = ?').run(encodeText(name), id);
    return this.require(id);
  }

  /** Its conversations stay, outside of any folder. @throws AppError 'not-found' */
  remove(id: FolderId): void {
    this.require(id);
    this.#db.prepare('DELETE FROM folders WHERE id = ?').run(id);
  }

  /** @throws AppError 'not-found' */
  require(id: FolderId): Folder {
    const row = this.#db.prepare<[string], FolderRow>('SELECT * FROM folders WHERE id = ?').get(id);
    if (row !== undefined) return toFolder(row);
    throw new AppError('not-found', 'That folder is not there any more.', 'Choose another one.');
  }
}

function toFolder(row: FolderRow): Folder {
  return { id: row.id, name: decodeText(row.name), createdAt: row.created_at };
}
