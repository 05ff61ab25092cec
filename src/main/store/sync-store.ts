/** The store as it runs inside its worker: the repositories behind the methods of `Store`, synchronous. */
import { statSync } from 'node:fs';

import { writeBackup } from './backup.ts';
import { Conversations } from './conversations.ts';
import type { Db } from './database.ts';
import { Documents } from './documents.ts';
import { Jobs } from './jobs.ts';
import { Libraries } from './libraries.ts';
import { MessageIndex } from './message-index.ts';
import { Messages } from './messages.ts';
import { closeDatabase } from './open.ts';
import { PassageIndex } from './passage-index.ts';
import { Settings } from './settings.ts';
import type { Store } from './types.ts';

/** Stated once in types.ts; this is the same interface without promises. */
export type SyncStore = {
  readonly [Method in keyof Store]: (
    ...args: Parameters<Store[Method]>
  ) => Awaited<ReturnType<Store[Method]>>;
};

/** @param paths the database's own file and the folder for backups */
export function createSyncStore(db: Db, paths: { file: string; backupFolder: string }): SyncStore {
  const passages = new PassageIndex(db);
  const documents = new Documents(db, passages);
  const libraries = new Libraries(db, documents);
  const conversations = new Conversations(db);
  const messageIndex = new MessageIndex(db);
  const messages = new Messages(db, conversations, messageIndex);
  const jobs = new Jobs(db);
  const settings = new Settings(db);
  return {
    createConversation: (fields) => conversations.create(fields),
    conversation: (id) => conversations.get(id),
    conversations: (options) => conversations.list(options),
    updateConversation: (id, fields) => conversations.update(id, fields),
    trashConversation: (id) => conversations.setTrashed(id, true),
    restoreConversation: (id) => conversations.setTrashed(id, false),
    addMessage: (fields) => messages.add(fields),
    updateAnswer: (id, fields) => messages.updateAnswer(id, fields),
    setPassagesText: (id, text) => messages.setPassagesText(id, text),
    messages: (id) => messages.list(id),
    searchMessages: (query, limit) => messageIndex.search(query, limit),
    reapInterrupted: () => messages.reapInterrupted(),

    createLibrary: (fields) => libraries.create(fields),
    library: (name) => libraries.byName(name),
    libraryById: (id) => libraries.byId(id),
    libraries: () => libraries.list(),
    updateLibrary: (id, fields) => libraries.update(id, fields),
    removeLibrary: (id) => libraries.remove(id),
    beginVersion: (id) => libraries.beginVersion(id),
    putVersionFiles: (version, files) => libraries.putFiles(version, files),
    commitVersion: (id, version) => libraries.commitVersion(id, version),
    versionFiles: (version) => libraries.files(version),

    hasDocument: (hash, extractorVersion) => documents.has(hash, extractorVersion),
    putDocument: (document, found) => documents.put(document, found),
    document: (hash) => documents.get(hash),
    putTokens: (hash, tokenizer, ids) => documents.putTokens(hash, tokenizer, ids),
    tokens: (hash, tokenizer) => documents.tokens(hash, tokenizer),
    tokenCount: (hash, tokenizer) => documents.tokenCount(hash, tokenizer),
    searchPassages: (version, query, limit) => passages.search(version, query, limit),
    passagesAround: (hash, index, radius) => passages.around(hash, index, radius),
    documentFrequencies: (version, words) => passages.frequencies(version, words),

    putJob: (job) => jobs.put(job),
    jobs: () => jobs.list(),
    setting: (key) => settings.get(key),
    setSetting: (key, value) => settings.set(key, value),

    health: () => ({
      sqliteVersion: String(db.prepare('SELECT sqlite_version()').pluck().get()),
      integrity: String(db.pragma('integrity_check(1)', { simple: true })),
      bytes: statSync(paths.file).size,
    }),
    backup: () => writeBackup(db, paths.file, paths.backupFolder, 'manual'),
    close: () => closeDatabase(db),
  };
}
