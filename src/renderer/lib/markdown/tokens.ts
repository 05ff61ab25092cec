/** Words of source code by their kind, with shiki's grammars, each loaded when it is first needed. Runs in the worker. */
import type { HighlighterCore, ThemedToken, ThemeRegistration } from 'shiki/core';
import { grammars, languageId } from './grammars.ts';

/** What a word is: k = keyword, s = string, c = comment, t = type or function; '' = plain */
export type Kind = '' | 'k' | 's' | 'c' | 't';
export interface Word {
  readonly text: string;
  readonly kind: Kind;
}
export type Lines = readonly (readonly Word[])[];

/** What goes to the worker, and what comes back. */
export interface Asked {
  readonly id: number;
  readonly code: string;
  readonly language: string;
}
export interface Coloured {
  readonly id: number;
  /** null: it stays plain */
  readonly lines: Lines | null;
}

/** ms of work for one text; a grammar's first line alone may take a hundred */
const BUDGET_MS = 1_000;
/** lines between two looks at the clock */
const STEP = 40;
/** characters: a line of a minified file says nothing in colours either */
const LONGEST_LINE = 2_000;

/** Colours that stand for kinds: shiki knows colours, the page knows classes. */
const colours: Readonly<Record<string, Kind>> = {
  '#00000A': 'k',
  '#00000B': 's',
  '#00000C': 'c',
  '#00000D': 't',
};
const theme: ThemeRegistration = {
  name: 'longleaf',
  type: 'light',
  fg: '#000000',
  bg: '#FFFFFF',
  settings: [
    {
      scope: ['keyword', 'storage', 'constant.language', 'entity.name.tag'],
      settings: { foreground: '#00000A' },
    },
    { scope: ['string', 'constant.character', 'markup.inserted'], settings: { foreground: '#00000B' } },
    {
      scope: ['comment', 'punctuation.definition.comment', 'markup.deleted'],
      settings: { foreground: '#00000C' },
    },
    {
      scope: ['entity.name', 'support.type', 'support.class', 'support.function', 'meta.object-literal.key'],
      settings: { foreground: '#00000D' },
    },
    { scope: ['keyword.operator', 'punctuation'], settings: { foreground: '#000000' } },
  ],
};

let highlighter: Promise<HighlighterCore> | null = null;

async function create(): Promise<HighlighterCore> {
  const [{ createHighlighterCore }, { createJavaScriptRegexEngine }] = await Promise.all([
    import('shiki/core'),
    import('shiki/engine/javascript'),
  ]);
  return createHighlighterCore({
    engine: createJavaScriptRegexEngine({ forgiving: true }),
    themes: [theme],
    langs: [],
  });
}

/** Words of each line; null: the language is not known, or the text took more than its time. */
export async function wordsOf(code: string, language: string): Promise<readonly (readonly Word[])[] | null> {
  const id = languageId(language);
  const grammar = id === null ? undefined : grammars[id];
  if (id === null || grammar === undefined) return null;
  highlighter ??= create();
  const shiki = await highlighter;
  if (!shiki.getLoadedLanguages().includes(id)) await shiki.loadLanguage(grammar());
  const lines = code.split('\n');
  const words: Word[][] = [];
  const until = performance.now() + BUDGET_MS;
  let state: ReturnType<typeof shiki.getLastGrammarState> | undefined;
  for (let from = 0; from < lines.length; from += STEP) {
    if (performance.now() > until) return null;
    const part = lines.slice(from, from + STEP).join('\n');
    const tokens = shiki.codeToTokensBase(part, {
      lang: id,
      theme: 'longleaf',
      tokenizeMaxLineLength: LONGEST_LINE,
      tokenizeTimeLimit: BUDGET_MS,
      ...(state === undefined ? {} : { grammarState: state }),
    });
    state = shiki.getLastGrammarState(tokens);
    words.push(...tokens.map((line) => line.map(wordOf)));
  }
  return words;
}

function wordOf({ content, color }: ThemedToken): Word {
  return { text: content, kind: colours[color?.toUpperCase() ?? ''] ?? '' };
}
