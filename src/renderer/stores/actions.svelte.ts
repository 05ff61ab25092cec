/**
 * Everything that a shortcut or the window's menu can do, by name. Views register what they can do while they are
 * on the screen; the latest to register wins.
 */
export type ActionName =
  | 'chat.new'
  | 'chat.stop'
  | 'chat.focusMessage'
  | 'chat.find'
  | 'chat.copyAnswer'
  | 'chat.copyCode'
  | 'chat.export'
  | 'chat.previousBranch'
  | 'chat.nextBranch'
  | 'conversations.search'
  | 'files.add'
  | 'libraries.add'
  | 'models.show'
  | 'settings.show'
  | 'shortcuts.show'
  | 'sidebar.toggle'
  | 'context.toggle'
  | 'zoom.in'
  | 'zoom.out'
  | 'zoom.reset'
  | 'region.next'
  | 'region.previous';

const registered = new Map<ActionName, (() => void)[]>();

/** Returns how to take it back: made for `$effect(() => registerAction(…))`. */
export function registerAction(name: ActionName, run: () => void): () => void {
  const list = registered.get(name) ?? [];
  registered.set(name, [...list, run]);
  return () =>
    registered.set(
      name,
      (registered.get(name) ?? []).filter((one) => one !== run),
    );
}

/** True when somebody could do it. */
export function perform(name: ActionName): boolean {
  const run = registered.get(name)?.at(-1);
  run?.();
  return run !== undefined;
}
