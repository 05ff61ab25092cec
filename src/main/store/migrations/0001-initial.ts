/**
 * The first schema. Text columns that hold what people or models wrote have type ANY: a string that is not
 * well-formed UTF-16 (a lone surrogate) can't be stored as SQLite text and is kept as a UTF-16LE blob (text.ts).
 *
 * Order never relies on the clock: `seq` and `activity` count up.
 */
import type { Migration } from './types.ts';

export const initial: Migration = {
  version: 1,
  name: 'initial',
  up: (db) => {
    db.exec(`
CREATE TABLE settings (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
-- clean_shutdown: 1 while no process has the database open
CREATE TABLE marks (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- hashes of files, interned: documents and version files may come in any order
CREATE TABLE contents (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE documents (
  content_id INTEGER PRIMARY KEY REFERENCES contents(id),
  kind TEXT NOT NULL, title ANY, outcome TEXT NOT NULL, reason TEXT,
  extractor_version INTEGER NOT NULL, sections TEXT NOT NULL) STRICT;
-- apart from documents, so that listing them does not step over megabytes of text
CREATE TABLE document_texts (
  content_id INTEGER PRIMARY KEY REFERENCES documents(content_id) ON DELETE CASCADE,
  text ANY NOT NULL) STRICT;
CREATE TABLE document_tokens (
  content_id INTEGER NOT NULL REFERENCES documents(content_id) ON DELETE CASCADE,
  tokenizer TEXT NOT NULL, count INTEGER NOT NULL, ids BLOB NOT NULL,
  PRIMARY KEY (content_id, tokenizer)) STRICT;
CREATE TABLE passages (
  id INTEGER PRIMARY KEY,
  content_id INTEGER NOT NULL REFERENCES documents(content_id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL, start_offset INTEGER NOT NULL, end_offset INTEGER NOT NULL,
  line_start INTEGER NOT NULL, line_end INTEGER NOT NULL, section ANY NOT NULL, defines TEXT NOT NULL,
  UNIQUE (content_id, ordinal)) STRICT;
CREATE TABLE definitions (
  name TEXT NOT NULL COLLATE NOCASE,
  passage_id INTEGER NOT NULL REFERENCES passages(id) ON DELETE CASCADE,
  PRIMARY KEY (name, passage_id)) STRICT, WITHOUT ROWID;
CREATE INDEX definitions_passage ON definitions(passage_id);
-- only the index is kept (the text stands in document_texts); it is fed with terms, hence the plain tokenizer
CREATE VIRTUAL TABLE passage_index USING fts5(
  terms, content='', contentless_delete=1, tokenize="ascii tokenchars '_$'");
CREATE VIRTUAL TABLE passage_terms USING fts5vocab(passage_index, row);

CREATE TABLE libraries (
  id TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, name ANY NOT NULL UNIQUE, roots TEXT NOT NULL,
  read_mode TEXT NOT NULL, version_id TEXT, created_at TEXT NOT NULL) STRICT;
CREATE TABLE versions (
  id TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE,
  library_id TEXT NOT NULL REFERENCES libraries(id) ON DELETE CASCADE,
  committed INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL) STRICT;
CREATE INDEX versions_library ON versions(library_id, seq);
CREATE TABLE version_files (
  version_id TEXT NOT NULL REFERENCES versions(id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL, path ANY NOT NULL, absolute_path ANY NOT NULL,
  outcome TEXT NOT NULL, reason ANY, bytes INTEGER NOT NULL, mtime_ms REAL NOT NULL,
  content_id INTEGER REFERENCES contents(id), tokens INTEGER NOT NULL, read_as ANY NOT NULL,
  PRIMARY KEY (version_id, ordinal)) STRICT, WITHOUT ROWID;
CREATE INDEX version_files_content ON version_files(content_id, version_id);
CREATE INDEX version_contents ON version_files(version_id, content_id);

CREATE TABLE conversations (
  id TEXT PRIMARY KEY, activity INTEGER NOT NULL UNIQUE, title ANY NOT NULL,
  library_id TEXT REFERENCES libraries(id) ON DELETE SET NULL,
  system_prompt ANY NOT NULL, current_id TEXT,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, deleted_at TEXT) STRICT;
CREATE TABLE messages (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  conversation_id TEXT NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  parent_id TEXT REFERENCES messages(id), role TEXT NOT NULL, content ANY NOT NULL, status TEXT NOT NULL,
  created_at TEXT NOT NULL, model ANY, backend TEXT, plan TEXT,
  parameters TEXT, receipt TEXT, citations TEXT, timings TEXT, passages_text ANY) STRICT;
CREATE INDEX messages_conversation ON messages(conversation_id, seq);
CREATE INDEX messages_parent ON messages(parent_id);
CREATE INDEX messages_running ON messages(seq) WHERE status = 'running';
CREATE INDEX conversations_library ON conversations(library_id);
CREATE VIRTUAL TABLE message_index USING fts5(
  terms, content='', contentless_delete=1, tokenize="ascii tokenchars '_$'");

CREATE TABLE jobs (
  id TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, kind TEXT NOT NULL,
  library_id TEXT NOT NULL REFERENCES libraries(id) ON DELETE CASCADE,
  state TEXT NOT NULL, detail ANY NOT NULL, updated_at TEXT NOT NULL) STRICT;
CREATE INDEX jobs_library ON jobs(library_id);
`);
  },
};
