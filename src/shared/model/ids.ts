/** Branded ids: a library id can't be handed over where a message id is meant. All are ULID-like strings. */
declare const brand: unique symbol;
export type Id<Name extends string> = string & { readonly [brand]: Name };

export type ConversationId = Id<'conversation'>;
export type MessageId = Id<'message'>;
export type FolderId = Id<'folder'>;
export type LibraryId = Id<'library'>;
export type VersionId = Id<'version'>;
/** Lower-case hex SHA-256 of a file's bytes: documents and models are content-addressed. */
export type ContentHash = Id<'content'>;
