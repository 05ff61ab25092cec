/** The theme and the size of the text, as attributes and custom properties of the root. */
const dark = window.matchMedia('(prefers-color-scheme: dark)');

/** @param textSize per cent. Returns how to stop following the machine's theme. */
export function applyTheme(theme: 'system' | 'light' | 'dark', textSize: number): () => void {
  const root = document.documentElement;
  root.style.setProperty('--text-scale', String(textSize / 100));
  const apply = () => {
    root.dataset['theme'] = theme === 'system' ? (dark.matches ? 'dark' : 'light') : theme;
  };
  apply();
  dark.addEventListener('change', apply);
  return () => dark.removeEventListener('change', apply);
}
