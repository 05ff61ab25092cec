/** Conversations as files: for reading (Markdown, HTML, PDF), and for keeping (JSON). */
import { AppError } from '../../../shared/errors.ts';
import type { ConversationId, Folder } from '../../../shared/model/index.ts';
import type { Args, ExportedFile } from '../../../shared/rpc/index.ts';
import type { Store } from '../../store/index.ts';
import { exportFileName, exportFileNames } from './file-names.ts';
import { exportHtml } from './html.ts';
import { exportJson } from './json.ts';
import { exportMarkdown } from './markdown.ts';
import type { PdfWriter } from './pdf/index.ts';
import { ownSecrets, redactor, redactTree } from './redaction.ts';
import type { ConversationTree } from './tree.ts';
import { zip } from './zip.ts';

export { jsonVersion } from './json.ts';
export { branchOf, type ConversationTree } from './tree.ts';

type Format = Args<'conversations.export'>['format'];

const mediaTypes: Readonly<Record<Format, string>> = {
  md: 'text/markdown',
  html: 'text/html',
  pdf: 'application/pdf',
  json: 'application/json',
};
/** bytes of a file as it travels; a local socket takes no longer message */
const largest = 160 * 2 ** 20;
const page = 1_000;

/**
 * @throws AppError 'not-found' for a conversation that is not there; 'unsupported' when the file would be too large
 */
export async function exportConversations(
  store: Store,
  { ids, format, redact = false }: Args<'conversations.export'>,
): Promise<ExportedFile> {
  const source = await Source.open(store, redact);
  const wanted = ids ?? (await allConversations(store));
  if (wanted.length === 0)
    throw new AppError('not-found', 'There are no conversations to export.', 'Start a chat first.');
  if (format === 'json') return jsonFile(source, wanted);
  const [first] = wanted;
  if (wanted.length === 1 && first !== undefined) return oneFile(await source.tree(first), format);
  return zipFile(source, wanted, format);
}

async function oneFile(tree: ConversationTree, format: Exclude<Format, 'json'>): Promise<ExportedFile> {
  const content = await renderer(format).then((render) => render(tree));
  return file(exportFileName(tree, format), mediaTypes[format], content);
}

async function jsonFile(source: Source, ids: readonly ConversationId[]): Promise<ExportedFile> {
  const trees = await source.trees(ids);
  const content = exportJson(trees, source.folders, new Date().toISOString());
  const [only] = trees;
  const name =
    trees.length === 1 && only !== undefined ? exportFileName(only, 'json') : `${archiveName()}.json`;
  return file(name, mediaTypes.json, content);
}

async function zipFile(
  source: Source,
  ids: readonly ConversationId[],
  format: Exclude<Format, 'json'>,
): Promise<ExportedFile> {
  const render = await renderer(format);
  const trees = await source.trees(ids);
  const names = exportFileNames(trees, format);
  const entries = [];
  for (const [index, tree] of trees.entries())
    entries.push({
      name: names[index] ?? `${String(index)}.${format}`,
      content: Buffer.from(await render(tree)),
      modified: modifiedAt(tree),
    });
  return file(`${archiveName()} ${format}.zip`, 'application/zip', await zip(entries));
}

/** PDF brings fonts and a layout along: loaded only when somebody wants one. */
async function renderer(
  format: Exclude<Format, 'json'>,
): Promise<(tree: ConversationTree) => Promise<string | Buffer>> {
  if (format === 'md') return (tree) => Promise.resolve(exportMarkdown(tree));
  if (format === 'html') return (tree) => Promise.resolve(exportHtml(tree));
  const { createPdfWriter } = await import('./pdf/index.ts');
  const writer: PdfWriter = createPdfWriter();
  return (tree) => writer.write(tree);
}

function file(fileName: string, mediaType: string, content: string | Buffer): ExportedFile {
  const text = typeof content === 'string' ? content : content.toString('base64');
  if (text.length > largest)
    throw new AppError(
      'unsupported',
      `The export would have ${String(text.length)} bytes; the limit is ${String(largest)}.`,
      'Export fewer conversations at once.',
    );
  return { fileName, mediaType, encoding: typeof content === 'string' ? 'utf8' : 'base64', content: text };
}

function archiveName(): string {
  return `Longleaf conversations ${new Date().toISOString().slice(0, 10)}`;
}

/** a time that ZIP can hold: 1980 to 2107 */
function modifiedAt({ conversation }: ConversationTree): Date {
  const time = new Date(conversation.updatedAt);
  const year = time.getUTCFullYear();
  return year > 1980 && year < 2107 ? time : new Date('2000-01-01T00:00:00Z');
}

async function allConversations(store: Store): Promise<ConversationId[]> {
  const ids: ConversationId[] = [];
  for (;;) {
    const listed = await store.conversations({ limit: page, offset: ids.length, trashed: false });
    ids.push(...listed.map(({ conversation }) => conversation.id));
    if (listed.length < page) return ids;
  }
}

/** Conversations with the names of their libraries and folders, redacted where that is wanted. */
class Source {
  readonly #store: Store;
  readonly #libraries: ReadonlyMap<string, string>;
  readonly #redact: ((text: string) => string) | null;
  readonly folders: readonly Folder[];

  private constructor(
    store: Store,
    libraries: ReadonlyMap<string, string>,
    folders: readonly Folder[],
    redact: ((text: string) => string) | null,
  ) {
    this.#store = store;
    this.#libraries = libraries;
    this.#redact = redact;
    this.folders =
      redact === null ? folders : folders.map((folder) => ({ ...folder, name: redact(folder.name) }));
  }

  static async open(store: Store, redact: boolean): Promise<Source> {
    const libraries = await store.libraries();
    const names = new Map(libraries.map((library) => [library.id as string, library.name]));
    const secrets = ownSecrets(libraries.flatMap((library) => library.roots));
    return new Source(store, names, await store.folders(), redact ? redactor(secrets) : null);
  }

  async trees(ids: readonly ConversationId[]): Promise<ConversationTree[]> {
    const trees: ConversationTree[] = [];
    for (const id of new Set(ids)) trees.push(await this.tree(id));
    return trees;
  }

  async tree(id: ConversationId): Promise<ConversationTree> {
    const conversation = await this.#store.conversation(id);
    if (conversation === null)
      throw new AppError(
        'not-found',
        `There is no conversation ${id}.`,
        'See `longleaf conversations list`.',
      );
    const tree: ConversationTree = {
      conversation,
      library: this.#libraries.get(conversation.libraryId ?? '') ?? null,
      folder: this.folders.find((folder) => folder.id === conversation.folderId)?.name ?? null,
      messages: await this.#store.messages(id),
    };
    return this.#redact === null ? tree : redactTree(tree, this.#redact);
  }
}
