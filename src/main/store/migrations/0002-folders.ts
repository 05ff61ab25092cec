/** Folders, pins, drafts, what a conversation chooses for itself, and what was imported from where. */
import type { Migration } from './types.ts';

export const folders: Migration = {
  version: 2,
  name: 'folders',
  up: (db) => {
    db.exec(`
CREATE TABLE folders (
  id TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, name ANY NOT NULL, created_at TEXT NOT NULL) STRICT;

ALTER TABLE conversations ADD COLUMN folder_id TEXT REFERENCES folders(id) ON DELETE SET NULL;
ALTER TABLE conversations ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN draft ANY NOT NULL DEFAULT '';
ALTER TABLE conversations ADD COLUMN parameters TEXT;
ALTER TABLE conversations ADD COLUMN model ANY;
ALTER TABLE conversations ADD COLUMN plan ANY;
CREATE INDEX conversations_folder ON conversations(folder_id);
CREATE INDEX conversations_trash ON conversations(deleted_at) WHERE deleted_at IS NOT NULL;

-- a conversation of another app, and what it was like when it was imported: the same again makes no copy
CREATE TABLE imports (
  source TEXT NOT NULL, source_id ANY NOT NULL, hash TEXT NOT NULL,
  conversation_id TEXT NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  PRIMARY KEY (source, source_id)) STRICT, WITHOUT ROWID;
CREATE INDEX imports_conversation ON imports(conversation_id);
`);
  },
};
