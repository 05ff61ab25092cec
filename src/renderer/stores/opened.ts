/** Files that are not for a library: models are imported, exports of chats go to the import dialog. */
import { models } from './models.svelte.ts';
import { ui } from './ui.svelte.ts';

/** What a file is opened as, by its name; null: something for a library, or to attach. */
function openedAs(name: string): 'model' | 'export' | null {
  if (/\.gguf$/i.test(name)) return 'model';
  // A ZIP or JSON may be a document too: only what the system hands to us, or the import dialog, is an export.
  if (/\.(longleaf\.json|json|zip)$/i.test(name)) return 'export';
  return null;
}

/** @param paths absolute */
export function openFiles(paths: readonly string[]): void {
  for (const path of paths) {
    const kind = openedAs(path);
    if (kind === 'model') {
      ui.show({ kind: 'models' });
      void models.import(path);
    } else if (kind === 'export') ui.open({ kind: 'import', file: path });
    else ui.open({ kind: 'add', paths: [path] });
  }
}
