import { describe, expect, it } from 'vitest';
import { actionNames, defaultShortcuts, pressed, shortcutText, takesAKeyFromWriting } from './shortcuts.ts';

interface Keys {
  readonly key: string;
  readonly code?: string;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
  readonly alt?: boolean;
  readonly shift?: boolean;
  readonly composing?: boolean;
  readonly altGraph?: boolean;
}

/** What a keyboard sends. */
function press(keys: Keys, mac = false): string | null {
  const event: Partial<KeyboardEvent> = {
    key: keys.key,
    code: keys.code ?? '',
    ctrlKey: keys.ctrl ?? false,
    metaKey: keys.meta ?? false,
    altKey: keys.alt ?? false,
    shiftKey: keys.shift ?? false,
    isComposing: keys.composing ?? false,
    getModifierState: (name: string) => name === 'AltGraph' && (keys.altGraph ?? false),
  };
  return pressed(event as KeyboardEvent, mac);
}

describe('a pressed shortcut', () => {
  it.each<[Keys, string]>([
    [{ key: 'n', code: 'KeyN', ctrl: true }, 'Mod+N'],
    [{ key: 'E', code: 'KeyE', ctrl: true, shift: true }, 'Mod+Shift+E'],
    [{ key: 'Escape' }, 'Escape'],
    [{ key: 'Escape', shift: true }, 'Shift+Escape'],
    [{ key: 'ArrowLeft', alt: true }, 'Alt+ArrowLeft'],
    [{ key: '/', code: 'Slash', ctrl: true }, 'Mod+/'],
    // German: the slash is Shift+7
    [{ key: '/', code: 'Digit7', ctrl: true, shift: true }, 'Mod+/'],
    [{ key: '+', code: 'Equal', ctrl: true, shift: true }, 'Mod++'],
    [{ key: ':', code: 'Semicolon', ctrl: true, shift: true }, 'Mod+Shift+;'],
    // Russian and Greek layouts: the place of the key counts
    [{ key: 'т', code: 'KeyN', ctrl: true }, 'Mod+N'],
    [{ key: 'Λ', code: 'KeyL', ctrl: true, shift: true }, 'Mod+Shift+L'],
  ])('%o is %s', (keys, shortcut) => {
    expect(press(keys)).toBe(shortcut);
  });

  it('is the command key on a Mac, where Option types other characters', () => {
    expect(press({ key: 'k', code: 'KeyK', meta: true }, true)).toBe('Mod+K');
    expect(press({ key: '∫', code: 'KeyB', meta: true, alt: true }, true)).toBe('Mod+Alt+B');
    expect(press({ key: 'k', code: 'KeyK', ctrl: true }, true)).toBe('Ctrl+K');
  });

  it('is nothing while an input method composes, with a modifier alone, or with AltGr', () => {
    expect(press({ key: 'Enter', composing: true })).toBeNull();
    expect(press({ key: 'Process', ctrl: true })).toBeNull();
    expect(press({ key: 'Control', ctrl: true })).toBeNull();
    expect(press({ key: '@', code: 'KeyQ', ctrl: true, alt: true, altGraph: true })).toBeNull();
  });
});

describe('the default shortcuts', () => {
  it('have no keys twice', () => {
    const all = actionNames.flatMap((action) => defaultShortcuts[action]);
    expect(all.filter((shortcut, index) => all.indexOf(shortcut) !== index)).toEqual([]);
  });

  it('take no key from writing', () => {
    expect(actionNames.flatMap((action) => defaultShortcuts[action]).filter(takesAKeyFromWriting)).toEqual(
      [],
    );
  });
});

it.each(['x', 'Shift+X', 'Backspace', 'Delete', 'Enter', 'Shift+ArrowLeft', '+'])(
  '%s is needed for writing',
  (shortcut) => {
    expect(takesAKeyFromWriting(shortcut)).toBe(true);
  },
);

it.each([
  ['Mod+Shift+E', 'Ctrl+Shift+E', '⇧⌘E'],
  ['Mod++', 'Ctrl++', '⌘+'],
  ['Alt+ArrowLeft', 'Alt+←', '⌥←'],
])('%s is shown as %s and %s', (shortcut, pc, mac) => {
  expect(shortcutText(shortcut, false)).toBe(pc);
  expect(shortcutText(shortcut, true)).toBe(mac);
});
