/** What a key does on the context map. */
export type MapKey =
  | { readonly kind: 'move'; readonly share: number }
  | { readonly kind: 'document'; readonly by: 1 | -1 }
  | { readonly kind: 'passage'; readonly by: 1 | -1 }
  | { readonly kind: 'end'; readonly which: 'first' | 'last' }
  | { readonly kind: 'zoom'; readonly factor: number }
  | { readonly kind: 'whole' }
  | { readonly kind: 'open' }
  | { readonly kind: 'leave' };

interface Pressed {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
}

/** Null: the key is somebody else's. */
export function mapKey({ key, ctrlKey, metaKey, shiftKey }: Pressed): MapKey | null {
  const documentWise = ctrlKey || metaKey;
  const step = shiftKey ? 0.1 : 0.01;
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return documentWise ? { kind: 'document', by: -1 } : { kind: 'move', share: -step };
    case 'ArrowRight':
    case 'ArrowUp':
      return documentWise ? { kind: 'document', by: 1 } : { kind: 'move', share: step };
    case 'PageUp':
      return { kind: 'move', share: 0.1 };
    case 'PageDown':
      return { kind: 'move', share: -0.1 };
    case '[':
      return { kind: 'passage', by: -1 };
    case ']':
      return { kind: 'passage', by: 1 };
    case 'Home':
      return { kind: 'end', which: 'first' };
    case 'End':
      return { kind: 'end', which: 'last' };
    case 'Enter':
      return { kind: 'open' };
    case 'Escape':
      return { kind: 'leave' };
    default:
      return documentWise ? null : zoomKey(key);
  }
}

function zoomKey(key: string): MapKey | null {
  if (key === '+' || key === '=') return { kind: 'zoom', factor: 0.5 };
  if (key === '-') return { kind: 'zoom', factor: 2 };
  return key === '0' ? { kind: 'whole' } : null;
}

/** The value beside `from`, in order; itself where there is none. @param sorted ascending */
export function beside(sorted: readonly number[], from: number, by: 1 | -1): number {
  const found = by === 1 ? sorted.find((value) => value > from) : sorted.findLast((value) => value < from);
  return found ?? from;
}
