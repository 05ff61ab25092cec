/** The language of the interface. Changing it renders the page anew (App.svelte keys on it); nothing reloads. */
import { baseLocale, locales, overwriteGetLocale } from '../paraglide/runtime.js';

export type Locale = (typeof locales)[number];

let current = $state<Locale>(baseLocale);
overwriteGetLocale(() => current);

export const language = {
  get locale(): Locale {
    return current;
  },
};

/** @param choice 'system' takes the first of the machine's languages that is there */
export function setLanguage(choice: Locale | 'system'): void {
  const wished = choice === 'system' ? navigator.languages : [choice];
  const short = wished.map((tag) => tag.slice(0, 2).toLowerCase());
  current = locales.find((locale) => locale === short.find((tag) => isLocale(tag))) ?? baseLocale;
  document.documentElement.lang = current;
}

function isLocale(tag: string): tag is Locale {
  return locales.some((locale) => locale === tag);
}
