/** The store as it runs inside its worker: the repositories behind the methods of `Store`, synchronous. */
import { statSync } from 'node:fs';

import { listBackups } from './backup.ts';
import { Conversations } from './conversations.ts';
import type { Db } from './database.ts';
import { Documents } from './documents.ts';
import { Folders } from './folders.ts';
import { Imports } from './imports.ts';
import { Jobs } from './jobs.ts';
import { Libraries } from './libraries.ts';
import { MessageIndex } from './message-index.ts';
import { LongDocuments } from './long-documents.ts';
import { Messages } from './messages.ts';
import { closeDatabase } from './open.ts';
import { DocumentReader } from './document-reader.ts';
import { DocumentSearch } from './document-search.ts';
import { PassageIndex } from './passage-index.ts';
import { PassageVectors } from './passage-vectors.ts';
import { Settings } from './settings.ts';
import { Trash } from './trash.ts';
import type { Store } from './types.ts';
import { VersionOutlines } from './version-outline.ts';

/** What a process of its own does (backup-task.ts): seconds of work that must not hold up what is being written. */
export type Aside = 'backup' | 'restoreAtNextOpen';

/** Stated once in types.ts; this is the same interface without promises. */
export type SyncStore = {
  readonly [Method in Exclude<keyof Store, Aside>]: (
    ...args: Parameters<Store[Method]>
  ) => Awaited<ReturnType<Store[Method]>>;
};

/** @param paths the database's own file and the folder for backups */
export function createSyncStore(db: Db, paths: { file: string; backupFolder: string }): SyncStore {
  const passages = new PassageIndex(db);
  const vectors = new PassageVectors(db, passages);
  const documents = new Documents(db, passages);
  const longDocuments = new LongDocuments(db, documents, passages);
  const libraries = new Libraries(db, documents);
  const folders = new Folders(db);
  const conversations = new Conversations(db, folders);
  const messageIndex = new MessageIndex(db);
  const messages = new Messages(db, conversations, messageIndex);
  const imports = new Imports(db, conversations, messages);
  const trash = new Trash(db, conversations, messageIndex);
  const jobs = new Jobs(db);
  const outlines = new VersionOutlines(db);
  const reader = new DocumentReader(db);
  const documentSearch = new DocumentSearch(db);
  const settings = new Settings(db);
  return {
    createConversation: (fields) => conversations.create(fields),
    conversation: (id) => conversations.get(id),
    conversations: (options) => conversations.list(options),
    updateConversation: (id, fields) => conversations.update(id, fields),
    showBranch: (id, message) => conversations.showBranch(id, message),
    trashConversation: (id) => trash.add(id),
    restoreConversation: (id) => trash.restore(id),
    trashed: (before) => trash.list(before),
    purgeConversation: (id) => trash.purge(id),
    dropEmptyConversations: (before) => trash.dropEmpty(before),
    importConversation: (imported) => imports.put(imported),
    importedFrom: (source) => imports.find(source),
    sortConversations: () => conversations.sort(),

    folders: () => folders.list(),
    createFolder: (name) => folders.create(name),
    renameFolder: (id, name) => folders.rename(id, name),
    removeFolder: (id) => folders.remove(id),

    addMessage: (fields) => messages.add(fields),
    updateAnswer: (id, fields) => messages.updateAnswer(id, fields),
    setPassagesText: (id, text) => messages.setPassagesText(id, text),
    messages: (id, options) => messages.list(id, options),
    messageCount: (id) => messages.count(id),
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
    versionFile: (version, path) => libraries.file(version, path),
    versionTotals: (version) => outlines.totals(version),
    versionFolder: (version, query) => outlines.folder(version, query),
    versionUnits: (version, range, limit) => outlines.units(version, range, limit),
    documentSlice: (hash, from, length) => reader.slice(hash, from, length),
    searchDocuments: (version, query, page) => documentSearch.find(version, query, page),

    hasDocument: (hash, extractorVersion) => documents.has(hash, extractorVersion),
    putDocument: (document, found, tokens) => documents.put(document, found, tokens),
    beginLongDocument: (document) => longDocuments.begin(document),
    putPiece: (hash, piece, found, tokens) => longDocuments.putPiece(hash, piece, found, tokens),
    finishLongDocument: (document, tokenizer) => longDocuments.finish(document, tokenizer),
    document: (hash) => documents.get(hash),
    documentHead: (hash) => documents.head(hash),
    documentText: (hash, start, end) => documents.text(hash, start, end),
    documentPiece: (hash, start) => documents.piece(hash, start),
    putTokenPiece: (hash, tokenizer, start, ids) => longDocuments.putTokenPiece(hash, tokenizer, start, ids),
    finishTokens: (hash, tokenizer) => longDocuments.finishTokens(hash, tokenizer),
    putTokens: (hash, tokenizer, ids) => documents.putTokens(hash, tokenizer, ids),
    tokens: (hash, tokenizer) => documents.tokens(hash, tokenizer),
    tokenCount: (hash, tokenizer) => documents.tokenCount(hash, tokenizer),
    tokenCounts: (hashes, version, tokenizer) => documents.tokenCounts(hashes, version, tokenizer),
    searchPassages: (version, query, limit) => passages.search(version, query, limit),
    passagesAround: (hash, index, radius) => passages.around(hash, index, radius),
    documentFrequencies: (version, words) => passages.frequencies(version, words),
    passagesWithoutVector: (version, after, limit) => vectors.missing(version, after, limit),
    hasAllVectors: (version) => vectors.isComplete(version),
    putPassageVectors: (made) => vectors.put(made),
    nearestPassages: (version, point, documents, limit) => vectors.nearest(version, point, documents, limit),

    putJob: (job) => jobs.put(job),
    jobs: () => jobs.list(),
    setting: (key) => settings.get(key),
    setSetting: (key, value) => settings.set(key, value),
    settings: (keys) => settings.getAll(keys),
    setSettings: (values) => settings.setAll(values),

    health: () => ({
      sqliteVersion: String(db.prepare('SELECT sqlite_version()').pluck().get()),
      integrity: String(db.pragma('integrity_check(1)', { simple: true })),
      bytes: statSync(paths.file).size,
    }),
    backups: () => listBackups(paths.backupFolder),
    close: () => closeDatabase(db),
  };
}
