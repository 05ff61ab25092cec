/** What passages mean, as points (embedding/): derived from their text, made in the background, gone with the passage. */
import type { Migration } from './types.ts';

export const passageVectors: Migration = {
  version: 3,
  name: 'passage vectors',
  up: (db) => {
    db.exec(`
-- vector: a scale (f32), then one signed byte per dimension
CREATE TABLE passage_vectors (
  passage_id INTEGER PRIMARY KEY REFERENCES passages(id) ON DELETE CASCADE, vector BLOB NOT NULL) STRICT;
`);
  },
};
