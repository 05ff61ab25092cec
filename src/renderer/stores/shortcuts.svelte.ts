/** Which keys do what: the default shortcuts with the user's own over them. */
import { actionNames, defaultShortcuts, shortcutText } from '../lib/shortcuts.ts';
import { bridge } from '../lib/rpc.ts';
import type { ActionName } from './actions.svelte.ts';
import { core } from './core.svelte.ts';

export const mac = (bridge?.platform ?? '') === 'darwin' || /Mac|iPhone|iPad/.test(navigator.userAgent);

/** The shortcuts of an action, the one to show first; none: switched off. */
export function shortcutsOf(action: ActionName): readonly string[] {
  const own = core.settings['keyboard.shortcuts'][action];
  if (own === undefined) return defaultShortcuts[action];
  return own === '' ? [] : [own];
}

/** As it is shown: 'Ctrl+K', '⌘K'; '' = none. */
export function shortcutOf(action: ActionName): string {
  const [first] = shortcutsOf(action);
  return first === undefined ? '' : shortcutText(first, mac);
}

/** A tooltip: 'New chat (Ctrl+N)'. */
export function withShortcut(label: string, action: ActionName): string {
  const shown = shortcutOf(action);
  return shown === '' ? label : `${label} (${shown})`;
}

/** What a shortcut does, if anything. */
export function actionOf(shortcut: string): ActionName | undefined {
  return actionNames.find((action) => shortcutsOf(action).includes(shortcut));
}

/**
 * Binds an action to other keys; whatever had them before loses them.
 * @param shortcut '' = none, null = the default again
 * @throws AppError as the core says
 */
export async function rebind(action: ActionName, shortcut: string | null): Promise<void> {
  const own: Record<string, string> = { ...core.settings['keyboard.shortcuts'] };
  const holder = shortcut === null || shortcut === '' ? undefined : actionOf(shortcut);
  if (holder !== undefined && holder !== action) own[holder] = '';
  if (shortcut === null) delete own[action];
  else own[action] = shortcut;
  await core.change({ 'keyboard.shortcuts': own });
}

/** While the user types a new shortcut into the settings, keys do nothing else. */
export const recording = { active: false };
