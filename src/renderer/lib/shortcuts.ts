/**
 * Shortcuts as text, 'Mod+Shift+E': Mod is Ctrl, on a Mac the command key. Pure: what is bound to what is in
 * stores/shortcuts.svelte.ts.
 */
import type { ActionName } from '../stores/actions.svelte.ts';

/** What each action is bound to from the start; the first is shown. */
export const defaultShortcuts: Readonly<Record<ActionName, readonly string[]>> = {
  'chat.new': ['Mod+N', 'Mod+Shift+O'],
  'conversations.search': ['Mod+K'],
  'chat.find': ['Mod+F'],
  'chat.focusMessage': ['Shift+Escape'],
  'chat.stop': ['Escape'],
  'chat.copyAnswer': ['Mod+Shift+C'],
  'chat.copyCode': ['Mod+Shift+;'],
  'chat.previousBranch': ['Alt+ArrowLeft'],
  'chat.nextBranch': ['Alt+ArrowRight'],
  'chat.export': ['Mod+Shift+E'],
  'files.add': ['Mod+O'],
  'libraries.add': ['Mod+Shift+L'],
  'models.show': ['Mod+Shift+M'],
  'settings.show': ['Mod+,'],
  'shortcuts.show': ['Mod+/'],
  'sidebar.toggle': ['Mod+B'],
  'context.toggle': ['Mod+Shift+B'],
  'region.next': ['F6'],
  'region.previous': ['Shift+F6'],
  'zoom.in': ['Mod++', 'Mod+='],
  'zoom.out': ['Mod+-'],
  'zoom.reset': ['Mod+0'],
};

export const actionNames = Object.keys(defaultShortcuts) as readonly ActionName[];

const MODIFIERS = ['Control', 'Shift', 'Alt', 'Meta', 'AltGraph'];
const CODE = /^(?:Key([A-Z])|Digit([0-9]))$/;

/** What was pressed, as text; null while only modifiers are down, or an input method is composing. */
export function pressed(event: KeyboardEvent, mac: boolean): string | null {
  if (event.isComposing || event.key === 'Process' || event.key === 'Dead') return null;
  if (MODIFIERS.includes(event.key)) return null;
  if (event.getModifierState('AltGraph')) return null; // types a character on many keyboards
  const key = keyName(event);
  const parts = [
    (mac ? event.metaKey : event.ctrlKey) ? 'Mod' : '',
    mac && event.ctrlKey ? 'Ctrl' : '',
    event.altKey ? 'Alt' : '',
    // Where Shift is needed to type the sign, it is part of the sign: '+', '?'.
    event.shiftKey && !isShiftedSign(key, event) ? 'Shift' : '',
  ];
  return [...parts.filter((part) => part !== ''), key].join('+');
}

function keyName(event: KeyboardEvent): string {
  const code = CODE.exec(event.code);
  const letter = event.key.length === 1 && /[a-z]/i.test(event.key) ? event.key.toUpperCase() : undefined;
  if (letter !== undefined) return letter;
  // With Alt, or with a layout of another script, the key types something else: the place of the key counts then.
  if (code !== null && (event.key.length > 1 || !isAscii(event.key))) {
    return code[1] ?? code[2] ?? event.key;
  }
  if (event.code === 'Semicolon' && event.key === ':') return ';';
  return event.key === ' ' ? 'Space' : event.key;
}

function isAscii(text: string): boolean {
  return (text.codePointAt(0) ?? 0) < 128;
}

function isShiftedSign(key: string, event: KeyboardEvent): boolean {
  return key.length === 1 && key === event.key && !/[A-Z0-9;]/.test(key);
}

/** True for what would take a key away from writing: a bare character, or one with Shift only. */
export function takesAKeyFromWriting(shortcut: string): boolean {
  const { key, modifiers } = parts(shortcut);
  const plain = modifiers.every((modifier) => modifier === 'Shift');
  const named = [
    'Enter',
    'Tab',
    'Backspace',
    'Delete',
    'Space',
    'ArrowLeft',
    'ArrowRight',
    'ArrowUp',
    'ArrowDown',
  ];
  return plain && (key.length === 1 || named.includes(key) || ['Home', 'End'].includes(key));
}

function parts(shortcut: string): { readonly key: string; readonly modifiers: readonly string[] } {
  const key =
    shortcut === '+' || shortcut.endsWith('++') ? '+' : shortcut.slice(shortcut.lastIndexOf('+') + 1);
  const rest = shortcut.slice(0, shortcut.length - key.length);
  return { key, modifiers: rest.split('+').filter((part) => part !== '') };
}

const KEY_SIGNS: Readonly<Record<string, string>> = {
  ArrowLeft: '←',
  ArrowRight: '→',
  ArrowUp: '↑',
  ArrowDown: '↓',
  Escape: 'Esc',
};
const MAC_SIGNS: Readonly<Record<string, string>> = { Mod: '⌘', Ctrl: '⌃', Alt: '⌥', Shift: '⇧' };

/** As it is shown: 'Ctrl+Shift+E', on a Mac '⇧⌘E'. */
export function shortcutText(shortcut: string, mac: boolean): string {
  const { key, modifiers } = parts(shortcut);
  const sign = KEY_SIGNS[key] ?? key;
  if (!mac) return [...modifiers.map((name) => (name === 'Mod' ? 'Ctrl' : name)), sign].join('+');
  const order = ['Ctrl', 'Alt', 'Shift', 'Mod'].filter((name) => modifiers.includes(name));
  return order.map((name) => MAC_SIGNS[name] ?? name).join('') + sign;
}

export function isAction(name: string): name is ActionName {
  return Object.hasOwn(defaultShortcuts, name);
}
