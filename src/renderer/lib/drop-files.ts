/** What a drop holds: entries are taken at once, since the browser empties the event afterwards; folders are walked. */

export interface Dropped {
  /** of what lies at the top: what the user took hold of */
  readonly files: readonly File[];
  readonly entries: readonly FileSystemEntry[];
  readonly folders: number;
}

export interface DroppedFile {
  /** null: it could not be opened; it vanished meanwhile, or is not ours to read */
  readonly file: File | null;
  /** names with `/` between them */
  readonly path: string;
}

/** What is known while something is dragged: how many things, and whether one may be a folder. */
export interface Dragged {
  readonly count: number;
  /** files have types, folders have none; some files have none either */
  readonly mayBeFolder: boolean;
}

export function hasFiles(transfer: DataTransfer | null): transfer is DataTransfer {
  return transfer?.types.includes('Files') === true;
}

export function draggedIn(transfer: DataTransfer): Dragged {
  const items = [...transfer.items].filter(({ kind }) => kind === 'file');
  return { count: items.length, mayBeFolder: items.some(({ type }) => type === '') };
}

export function droppedIn(transfer: DataTransfer): Dropped {
  const items = [...transfer.items].filter(({ kind }) => kind === 'file');
  const entries = items.map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  return {
    files: [...transfer.files],
    entries,
    folders: entries.filter((entry) => entry.isDirectory).length,
  };
}

/** Every file of a drop, depth first. What can't be opened is left out: it vanished meanwhile. */
export async function* filesOf({
  files,
  entries,
}: Pick<Dropped, 'files' | 'entries'>): AsyncGenerator<DroppedFile> {
  if (entries.length > 0) yield* filesIn(entries);
  // a drop that was not made by a file manager has files, and no entries
  else for (const file of files) yield { file, path: file.name };
}

async function* filesIn(entries: readonly FileSystemEntry[]): AsyncGenerator<DroppedFile> {
  for (const entry of entries) {
    if (entry.isDirectory) {
      for await (const children of batchesOf(entry as FileSystemDirectoryEntry)) yield* filesIn(children);
    } else {
      yield { file: await fileOf(entry as FileSystemFileEntry), path: entry.fullPath.replace(/^\/+/, '') };
    }
  }
}

/** A directory gives its entries a hundred at a time, until it gives none. */
async function* batchesOf(directory: FileSystemDirectoryEntry): AsyncGenerator<readonly FileSystemEntry[]> {
  const reader = directory.createReader();
  for (;;) {
    const batch = await new Promise<readonly FileSystemEntry[]>((resolve) =>
      reader.readEntries(resolve, () => resolve([])),
    );
    if (batch.length === 0) return;
    yield batch;
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File | null> {
  return new Promise((resolve) => entry.file(resolve, () => resolve(null)));
}

/** False once the file behind it is gone, changed, or may not be read. */
export async function isReadable(file: File): Promise<boolean> {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
