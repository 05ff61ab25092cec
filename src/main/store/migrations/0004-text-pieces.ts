/**
 * Long texts in pieces: neither a row nor a string holds gigabytes. The first piece of a text stands where short texts
 * stand whole (document_texts), what follows it here; ids of a text in pieces are pieces, too.
 */
import type { Migration } from './types.ts';

export const textPieces: Migration = {
  version: 4,
  name: 'text pieces',
  up: (db) => {
    db.exec(`
-- line_start: 1-based line of the piece's first character
CREATE TABLE text_pieces (
  content_id INTEGER NOT NULL REFERENCES documents(content_id) ON DELETE CASCADE,
  start_offset INTEGER NOT NULL, line_start INTEGER NOT NULL, text ANY NOT NULL,
  UNIQUE (content_id, start_offset)) STRICT;
CREATE TABLE token_pieces (
  content_id INTEGER NOT NULL REFERENCES documents(content_id) ON DELETE CASCADE,
  tokenizer TEXT NOT NULL, start_offset INTEGER NOT NULL, count INTEGER NOT NULL, ids BLOB NOT NULL,
  UNIQUE (content_id, tokenizer, start_offset)) STRICT;
`);
  },
};
