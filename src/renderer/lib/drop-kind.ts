/** What a dropped file is: a model and an export of chats have places of their own, everything else is a document. */
export type DropKind = 'model' | 'export' | 'document';

/** bytes that are looked at, at the beginning of a JSON file and at the end of a ZIP */
const HEAD = 65_536;
const TAIL = 131_072;

/** Looks into JSON and ZIP files: both may be documents as well. */
export async function kindOf(file: File): Promise<DropKind> {
  if (/\.gguf$/i.test(file.name)) return 'model';
  try {
    if (/\.json$/i.test(file.name))
      return isExportJson(await file.slice(0, HEAD).text()) ? 'export' : 'document';
    if (/\.zip$/i.test(file.name)) {
      const tail = await file.slice(Math.max(0, file.size - TAIL)).text();
      return isExportZip(tail) ? 'export' : 'document';
    }
  } catch {
    // a folder, or a file that can't be read: the core says so when it tries
  }
  return 'document';
}

/** By the keys that exports of Longleaf, ChatGPT, Claude and Open WebUI begin with. */
export function isExportJson(head: string): boolean {
  if (/^\s*\{\s*"(schema|format)"\s*:\s*"longleaf/.test(head)) return true;
  const isList = /^\s*\[\s*\{/.test(head);
  const chatGpt = /"mapping"\s*:\s*\{/.test(head) && /"(create_time|current_node)"\s*:/.test(head);
  const claude = /"chat_messages"\s*:\s*\[/.test(head);
  const openWebUi = /"chat"\s*:\s*\{/.test(head) && /"(history|messages)"\s*:/.test(head);
  return isList && (chatGpt || claude || openWebUi);
}

/** The directory of a ZIP stands at its end: an export holds its conversations under this name. */
export function isExportZip(tail: string): boolean {
  return tail.includes('conversations.json');
}
