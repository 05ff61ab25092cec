import { AppError } from '../../shared/errors.ts';
import type {
  ContentHash,
  FileOutcome,
  Library,
  LibraryFile,
  LibraryId,
  VersionId,
} from '../../shared/model/index.ts';
import { atomically, type Db } from './database.ts';
import type { Documents } from './documents.ts';
import { newId } from './ids.ts';
import { decodeOptional, decodeText, encodeOptional, encodeText } from './text.ts';
import type { Store } from './types.ts';

/** committed versions that are kept per library: a state may have been read from an older one */
const keptVersions = 5;

interface LibraryRow {
  id: LibraryId;
  name: string | Buffer;
  roots: string;
  read_mode: Library['read'];
  version_id: VersionId | null;
  created_at: string;
}

interface FileRow {
  path: string | Buffer;
  absolute_path: string | Buffer;
  outcome: FileOutcome;
  reason: string | Buffer | null;
  bytes: number;
  mtime_ms: number;
  hash: ContentHash | null;
  tokens: number;
  read_as: string | Buffer;
}

export class Libraries {
  readonly #db: Db;
  readonly #documents: Documents;

  constructor(db: Db, documents: Documents) {
    this.#db = db;
    this.#documents = documents;
  }

  create(fields: Parameters<Store['createLibrary']>[0]): Library {
    const name = this.#freeName(fields.name, null);
    const id = newId() as LibraryId;
    this.#db
      .prepare(
        `INSERT INTO libraries (id, seq, name, roots, read_mode, created_at)
         VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM libraries), ?, ?, ?, ?)`,
      )
      .run(id, encodeText(name), JSON.stringify(fields.roots), fields.read, new Date().toISOString());
    return this.#require(id);
  }

  byName(name: string): Library | null {
    const row = this.#db
      .prepare<[string | Buffer], LibraryRow>('SELECT * FROM libraries WHERE name = ?')
      .get(encodeText(name.trim()));
    return row === undefined ? null : toLibrary(row);
  }

  byId(id: LibraryId): Library | null {
    const row = this.#db.prepare<[string], LibraryRow>('SELECT * FROM libraries WHERE id = ?').get(id);
    return row === undefined ? null : toLibrary(row);
  }

  list(): readonly Library[] {
    return this.#db.prepare<[], LibraryRow>('SELECT * FROM libraries ORDER BY seq').all().map(toLibrary);
  }

  update(id: LibraryId, fields: Parameters<Store['updateLibrary']>[1]): Library {
    const next = { ...this.#require(id), ...fields };
    this.#db
      .prepare('UPDATE libraries SET name = ?, roots = ?, read_mode = ? WHERE id = ?')
      .run(encodeText(this.#freeName(next.name, id)), JSON.stringify(next.roots), next.read, id);
    return this.#require(id);
  }

  /** The documents go too, except those that another library has; conversations stay. */
  remove(id: LibraryId): void {
    this.#require(id);
    this.#db.transaction(() => {
      this.#dropVersions(this.#versions(id, 'any'));
      this.#db.prepare('DELETE FROM libraries WHERE id = ?').run(id);
    })();
  }

  /** Drops an unfinished version of an earlier run; the documents that it had finished stay. */
  beginVersion(id: LibraryId): VersionId {
    this.#require(id);
    const version = newId() as VersionId;
    this.#db.transaction(() => {
      this.#db.prepare('DELETE FROM versions WHERE library_id = ? AND committed = 0').run(id);
      this.#db
        .prepare(
          `INSERT INTO versions (id, seq, library_id, created_at)
           VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM versions), ?, ?)`,
        )
        .run(version, id, new Date().toISOString());
    })();
    return version;
  }

  putFiles(version: VersionId, files: readonly (LibraryFile & { ordinal: number })[]): void {
    const found = this.#db
      .prepare<[string], { committed: number }>('SELECT committed FROM versions WHERE id = ?')
      .get(version);
    if (found === undefined) throw new AppError('not-found', `There is no library version ${version}.`);
    if (found.committed === 1)
      throw new AppError('conflict', `Library version ${version} is finished and can't change any more.`);
    const put = this.#db.prepare(
      `INSERT OR REPLACE INTO version_files (version_id, ordinal, path, absolute_path, outcome, reason, bytes,
         mtime_ms, content_id, tokens, read_as) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    atomically(this.#db, () => {
      for (const file of files)
        put.run(
          version,
          file.ordinal,
          encodeText(file.path),
          encodeText(file.absolutePath),
          file.outcome,
          encodeOptional(file.reason),
          file.bytes,
          file.mtimeMs,
          file.hash === null ? null : this.#documents.contentId(file.hash),
          file.tokens,
          encodeText(file.readAs),
        );
    });
  }

  commitVersion(id: LibraryId, version: VersionId): void {
    this.#db.transaction(() => {
      const changes = this.#db
        .prepare('UPDATE versions SET committed = 1 WHERE id = ? AND library_id = ?')
        .run(version, id).changes;
      if (changes === 0) throw new AppError('not-found', `Library ${id} has no version ${version}.`);
      this.#db.prepare('UPDATE libraries SET version_id = ? WHERE id = ?').run(version, id);
      this.#dropVersions(this.#versions(id, 'committed').slice(0, -keptVersions));
    })();
  }

  files(version: VersionId): readonly LibraryFile[] {
    return this.#db
      .prepare<[string], FileRow>(
        `SELECT f.*, c.hash FROM version_files f LEFT JOIN contents c ON c.id = f.content_id
         WHERE f.version_id = ? ORDER BY f.ordinal`,
      )
      .all(version)
      .map(toFile);
  }

  /** null: nothing of that path is listed in the version */
  file(version: VersionId, path: string): LibraryFile | null {
    const row = this.#db
      .prepare<[string, string | Buffer], FileRow>(
        `SELECT f.*, c.hash FROM version_files f LEFT JOIN contents c ON c.id = f.content_id
         WHERE f.version_id = ? AND f.path = ? LIMIT 1`,
      )
      .get(version, encodeText(path));
    return row === undefined ? null : toFile(row);
  }

  /** oldest first */
  #versions(id: LibraryId, which: 'any' | 'committed'): readonly VersionId[] {
    return this.#db
      .prepare<[string], { id: VersionId }>(
        `SELECT id FROM versions WHERE library_id = ? ${which === 'any' ? '' : 'AND committed = 1'} ORDER BY seq`,
      )
      .all(id)
      .map((row) => row.id);
  }

  #dropVersions(versions: readonly VersionId[]): void {
    const candidates = new Set<number>();
    for (const version of versions) {
      const contents = this.#db
        .prepare<[string], { content_id: number }>(
          'SELECT DISTINCT content_id FROM version_files WHERE version_id = ? AND content_id IS NOT NULL',
        )
        .all(version);
      for (const { content_id } of contents) candidates.add(content_id);
      this.#db.prepare('DELETE FROM versions WHERE id = ?').run(version);
    }
    const inUse = this.#db.prepare('SELECT 1 FROM version_files WHERE content_id = ? LIMIT 1');
    for (const content of candidates)
      if (inUse.get(content) === undefined) this.#documents.removeContent(content);
  }

  #require(id: LibraryId): Library {
    const found = this.byId(id);
    if (found === null)
      throw new AppError('not-found', `There is no library with the id ${id}.`, 'List them: library list.');
    return found;
  }

  #freeName(wanted: string, owner: LibraryId | null): string {
    const name = wanted.trim();
    if (name === '') throw new AppError('invalid-input', 'A library needs a name.', 'Give it one.');
    const holder = this.byName(name);
    if (holder !== null && holder.id !== owner)
      throw new AppError(
        'conflict',
        `There is a library named "${name}" already.`,
        `Choose another name, or bring it up to date: library update "${name}".`,
      );
    return name;
  }
}

function toLibrary(row: LibraryRow): Library {
  return {
    id: row.id,
    name: decodeText(row.name),
    roots: JSON.parse(row.roots) as readonly string[],
    versionId: row.version_id,
    read: row.read_mode,
    createdAt: row.created_at,
  };
}

function toFile(row: FileRow): LibraryFile {
  return {
    path: decodeText(row.path),
    absolutePath: decodeText(row.absolute_path),
    outcome: row.outcome,
    reason: decodeOptional(row.reason),
    bytes: row.bytes,
    mtimeMs: row.mtime_ms,
    hash: row.hash,
    tokens: row.tokens,
    readAs: decodeText(row.read_as),
  };
}
