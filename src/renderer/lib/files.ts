/**
 * Files that the user chose or dropped, as paths that the core can open: in the desktop app where they lie, in a
 * browser where `longleaf serve` has put their bytes (POST /upload).
 */
import { fromWire } from '../../shared/errors.ts';
import type { WireError } from '../../shared/errors.ts';
import { bridge } from './rpc.ts';

interface Upload {
  /** absolute path of the file */
  readonly path: string;
  /** absolute path of what was chosen: the file, or the folder that it came in */
  readonly root: string;
}

/**
 * Opens the system's dialog. In the desktop app `paths` says where the files lie; in a browser it is uploaded first.
 * @param accept as of `<input accept>`, for browsers
 * @throws AppError of the upload
 */
export async function chooseFilePaths(options: {
  readonly folders: boolean;
  readonly accept?: string;
  readonly multiple?: boolean;
}): Promise<readonly string[]> {
  if (bridge) return bridge.chooseFiles({ folders: options.folders });
  const files = await chosenFiles(options);
  return pathsOf(files);
}

/**
 * Where files lie, one path for each thing chosen: a folder's files give one, the folder.
 * @param onProgress bytes uploaded, of how many; never called in the desktop app
 * @throws AppError of the upload
 */
export async function pathsOf(
  files: readonly File[],
  onProgress?: (done: number, total: number) => void,
): Promise<readonly string[]> {
  const here = bridge;
  if (here) return files.map((file) => here.pathForFile(file)).filter((path) => path !== '');
  const batch = crypto.randomUUID();
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const roots = new Set<string>();
  let done = 0;
  for (const file of files) {
    roots.add((await upload(file, file.webkitRelativePath || file.name, batch)).root);
    done += file.size;
    onProgress?.(done, total);
  }
  return [...roots];
}

/**
 * @param path names with `/` between them, below the batch
 * @param batch a UUID: what was dropped together
 * @throws AppError as the server says
 */
export async function upload(file: Blob, path: string, batch: string): Promise<Upload> {
  const query = new URLSearchParams({ path, batch });
  const response = await fetch(`/upload?${query.toString()}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: file,
  }).catch(() => {
    throw fromWire({
      code: 'engine-lost',
      message: 'The file could not be handed over.',
      hint: 'Try again.',
    });
  });
  if (response.ok) return (await response.json()) as Upload;
  const { error } = (await response.json().catch(() => ({}))) as { error?: WireError };
  throw fromWire(error ?? { code: 'internal', message: `The file was not taken (${response.status}).` });
}

function chosenFiles(options: {
  readonly folders: boolean;
  readonly accept?: string;
  readonly multiple?: boolean;
}): Promise<readonly File[]> {
  const input = document.createElement('input');
  input.type = 'file';
  input.multiple = options.multiple ?? true;
  input.webkitdirectory = options.folders;
  if (options.accept !== undefined) input.accept = options.accept;
  return new Promise((resolve) => {
    input.addEventListener('change', () => resolve([...(input.files ?? [])]), { once: true });
    input.addEventListener('cancel', () => resolve([]), { once: true });
    input.click();
  });
}

/** Saves what was made: where the user chooses in the desktop app, as a download in a browser. False: not saved. */
export async function saveFile(file: {
  readonly fileName: string;
  readonly mediaType: string;
  readonly encoding: 'utf8' | 'base64';
  readonly content: string;
}): Promise<boolean> {
  if (bridge) return bridge.saveFile(file);
  const bytes = file.encoding === 'utf8' ? file.content : bytesOf(file.content);
  const url = URL.createObjectURL(new Blob([bytes], { type: file.mediaType }));
  const link = document.createElement('a');
  link.href = url;
  link.download = file.fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  return true;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
