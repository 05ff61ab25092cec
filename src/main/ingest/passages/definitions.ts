/**
 * What a line of source code defines, by patterns per language. Not a parser: a pattern asks that the line looks like
 * a definition, comments are left out beforehand. What a language's own grammar would find beyond this is small, and
 * a wrong name costs a rank in a search, no more.
 */
interface LanguageRules {
  /** the first group is the name (several names: separated by commas) */
  readonly definitions: readonly RegExp[];
  /** a line that is a comment, or belongs to the definition below it (decorators, attributes) */
  readonly attached: RegExp;
}

/** letters beyond ASCII by range: Unicode classes make these patterns several times slower */
const name = '([A-Za-z_$\\u00aa-\\uffdc][\\w$\\u00aa-\\uffdc]*)';
const rule = (source: string): RegExp => new RegExp(source.replaceAll('NAME', name));

const slashes = /^\s*(?:\/\/|\/\*|\*(?:[\s*/]|$)|@[A-Za-z]|#\[|#!\[|\[[A-Z]\w*[\](])/;
const hashes = /^\s*(?:#|@[A-Za-z])/;
const dashes = /^\s*--/;
const semicolons = /^\s*;/;

/** statements that look like calls or methods; `constructor` is a method, but nobody asks where it is */
const keywords = new Set(
  (
    'if for while switch catch function return with do else try typeof new delete await yield throw import super ' +
    'elif except unless until when match loop foreach using lock synchronized sizeof defer go select case ' +
    'constructor'
  ).split(' '),
);
const javascript: LanguageRules = {
  attached: slashes,
  definitions: [
    rule('^\\s*(?:export\\s+)?(?:default\\s+)?(?:declare\\s+)?(?:async\\s+)?function\\s*\\*?\\s*NAME'),
    rule('^\\s*(?:export\\s+)?(?:default\\s+)?(?:declare\\s+)?(?:abstract\\s+)?class\\s+NAME'),
    rule(
      '^\\s*(?:export\\s+)?(?:declare\\s+)?(?:interface|type|(?:const\\s+)?enum|namespace|module)\\s+NAME\\s*[<={]',
    ),
    rule('^\\s*(?:export\\s+)?(?:declare\\s+)?(?:interface|(?:const\\s+)?enum)\\s+NAME'),
    rule('^(?:export\\s+)?(?:declare\\s+)?(?:const|let|var)\\s+NAME\\s*[:=!;]'),
    rule(
      '^\\s*(?:export\\s+)?(?:const|let|var)\\s+NAME\\s*(?::[^=]+)?=\\s*(?:async\\s*)?(?:function\\b|class\\b|\\([^()]*\\)\\s*(?::[^=]+)?=>|[\\w$]+\\s*=>|\\(\\s*$)',
    ),
    // not `exports.a = a;`, which only hands on
    rule('^\\s*(?:module\\.)?exports\\.NAME\\s*=(?!=)(?!\\s*(?:[\\w$.]+\\s*[;,]?\\s*$|exports\\.|void 0))'),
    rule('^\\s*[\\w$.]+\\.prototype\\.NAME\\s*=(?!=)'),
    rule('^\\s*[\\w$]+(?:\\.[\\w$]+)*\\.NAME\\s*=\\s*(?:async\\s+)?(?:function\\b|class\\b)'),
    rule('^\\s*NAME\\s*[:=]\\s*(?:async\\s+)?function\\b'),
    rule(
      '^\\s*(?:(?:public|private|protected|static|readonly)\\s+)*#?NAME\\s*=\\s*(?:async\\s*)?(?:\\([^()]*\\)|[\\w$]+)\\s*=>',
    ),
    rule(
      '^\\s+(?:(?:public|private|protected|static|async|override|readonly|abstract|get|set)\\s+)*[*#]?NAME\\s*(?:<[^>()]*>)?\\([^\'"`]*\\)\\s*(?::\\s*[^={]+)?\\{\\s*(?:\\}\\s*)?$',
    ),
    rule(
      '^\\s+(?:(?:public|private|protected|static|async|override|abstract|get|set)\\s+)+[*#]?NAME\\s*(?:<[^>()]*>)?\\(',
    ),
    rule('^\\s+\\[?(?:static\\s+)?(?:async\\s+)?[*#]NAME\\s*\\('),
  ],
};
/** .d.ts: what is declared there is implemented elsewhere, but for types */
const declarations: LanguageRules = {
  attached: slashes,
  definitions: [
    rule(
      '^\\s*(?:export\\s+)?(?:declare\\s+)?(?:interface|type|(?:const\\s+)?enum|namespace)\\s+NAME\\s*[<={]',
    ),
    rule('^\\s*(?:export\\s+)?(?:declare\\s+)?(?:interface|(?:const\\s+)?enum)\\s+NAME'),
  ],
};
const python: LanguageRules = {
  attached: hashes,
  definitions: [
    rule('^\\s*(?:async\\s+)?(?:def|cdef|cpdef)\\s+NAME'),
    rule('^\\s*class\\s+NAME'),
    rule('^NAME\\s*(?::[^=]+)?=(?!=)'),
    rule('^type\\s+NAME'),
  ],
};
const go: LanguageRules = {
  attached: slashes,
  definitions: [
    rule('^func\\s+(?:\\([^)]*\\)\\s*)?NAME'),
    rule('^type\\s+NAME'),
    rule('^(?:var|const)\\s+NAME'),
    rule('^\\t+NAME\\s+(?:struct|interface)\\s*\\{'),
  ],
};
const rust: LanguageRules = {
  attached: slashes,
  definitions: [
    rule(
      '^\\s*(?:pub(?:\\([^)]*\\))?\\s+)?(?:default\\s+)?(?:const\\s+)?(?:async\\s+)?(?:unsafe\\s+)?(?:extern\\s+"[^"]*"\\s+)?fn\\s+NAME',
    ),
    rule('^\\s*(?:pub(?:\\([^)]*\\))?\\s+)?(?:struct|enum|trait|union|mod|type)\\s+NAME'),
    rule(
      '^\\s*(?:pub(?:\\([^)]*\\))?\\s+)?(?:const|static|override|var(?:<[^>]*>)?)\\s+(?:mut\\s+)?NAME\\s*:',
    ),
    rule('^\\s*(?:@\\w+(?:\\([^)]*\\))?\\s*)+(?:var<[^>]*>|fn)\\s+NAME'),
    rule('^\\s*(?:macro_rules!|pub\\s+macro)\\s+NAME'),
  ],
};
const c: LanguageRules = {
  attached: slashes,
  definitions: [
    rule('^\\s*#\\s*define\\s+NAME'),
    rule(
      '^\\s*(?:typedef\\s+)?(?:template\\s*<.*>\\s*)?(?:struct|union|enum(?:\\s+class)?|class|namespace|concept)\\s+(?:[A-Z_]+\\([^)]*\\)\\s+)?NAME(?:[^;()]*[{:]|\\s*$)',
    ),
    rule('^\\s*\\}\\s*NAME\\s*;'),
    rule('^\\s*using\\s+NAME\\s*='),
    rule('^\\s*typedef\\s+[^;{]*\\bNAME\\s*;'),
    rule('^(?:[\\w:<>,*&~\\[\\]]+\\s+)*[*&]*(?:[\\w<>]+::)*~?NAME\\s*\\([^;]*$'),
    rule(
      '^\\s+(?:(?:virtual|static|inline|constexpr|explicit|friend|const)\\s+)*[\\w:<>,*&]+\\s+[*&]*NAME\\s*\\([^;]*\\)\\s*(?:const\\s*)?(?:noexcept\\s*)?(?:override\\s*)?\\{',
    ),
    rule('^@(?:interface|implementation|protocol)\\s+NAME'),
    rule('^[-+]\\s*\\([^)]*\\)\\s*NAME'),
  ],
};
const classy: LanguageRules = {
  attached: slashes,
  definitions: [
    rule(
      '^\\s*(?:[\\w@]+\\s+)*(?:class|interface|enum|record|struct|trait|object|protocol|extension|actor|mixin|typealias|namespace|annotation)\\s+NAME',
    ),
    rule('^\\s*(?:[\\w@]+\\s+)*(?:fun|func|function|def)\\s+(?:<[^>]*>\\s*)?(?:[\\w<>?]+\\.)?NAME'),
    rule(
      '^\\s+(?:(?:public|private|protected|internal|static|final|abstract|override|virtual|async|sealed|synchronized|native|default|open|partial|unsafe|extern|readonly)\\s+)+[\\w<>,.?\\[\\] ]*?\\bNAME\\s*\\(',
    ),
    rule('^\\s+[\\w<>,.?\\[\\]]+\\s+NAME\\s*\\([^;"]*\\)\\s*(?:throws\\s+[\\w., ]+)?\\{\\s*$'),
    rule(
      '^\\s*(?:(?:public|private|protected|internal|static|final|const|override|lazy)\\s+)+(?:const\\s+|val\\s+|var\\s+|let\\s+)?(?:[\\w<>,.?\\[\\]]+\\s+)?\\$?NAME\\s*(?::[^=]+)?=',
    ),
    rule('^(?:val|var|let|const)\\s+NAME'),
    rule('^\\s*define\\s*\\(\\s*[\'"]NAME'),
  ],
};
const ruby: LanguageRules = {
  attached: hashes,
  definitions: [
    rule('^\\s*def\\s+(?:self\\.)?NAME'),
    rule('^\\s*(?:class|module)\\s+(?:\\w+::)*NAME'),
    rule('^\\s*([A-Z][A-Z0-9_]*)\\s*='),
    rule('^\\s*(?:attr_accessor|attr_reader|define_method)\\s*\\(?:?NAME'),
  ],
};
const shell: LanguageRules = {
  attached: hashes,
  definitions: [
    rule('^\\s*(?:function\\s+)?([\\w:.-]+)\\s*\\(\\s*\\)'),
    rule('^\\s*function\\s+([\\w:.-]+)'),
    rule('^(?:export\\s+|readonly\\s+)?NAME='),
  ],
};
const others: Readonly<Record<string, LanguageRules>> = {
  lua: {
    attached: dashes,
    definitions: [
      rule('^\\s*(?:local\\s+)?function\\s+(?:[\\w.]+[.:])?NAME'),
      rule('^\\s*(?:local\\s+)?(?:[\\w.]+\\.)?NAME\\s*=\\s*function'),
    ],
  },
  perl: { attached: hashes, definitions: [rule('^\\s*sub\\s+NAME'), rule('^\\s*package\\s+([\\w:]+)')] },
  r: { attached: hashes, definitions: [rule('^\\s*([\\w.]+)\\s*(?:<-|=)\\s*function')] },
  julia: {
    attached: hashes,
    definitions: [
      rule('^\\s*(?:function|macro|(?:mutable\\s+)?struct|module|abstract\\s+type)\\s+NAME'),
      rule('^NAME\\([^)]*\\)\\s*='),
    ],
  },
  sql: {
    attached: dashes,
    definitions: [
      /^\s*create\s+(?:or\s+replace\s+)?(?:\w+\s+){0,2}?(?:table|view|function|procedure|trigger|index|type|schema)\s+(?:if\s+not\s+exists\s+)?["`[]?(?:\w+\.)?(\w+)/iu,
    ],
  },
  haskell: {
    attached: dashes,
    definitions: [
      rule("^([a-z_][\\w']*)\\s*::"),
      rule('^(?:data|newtype|type|class)\\s+(?:.*=>\\s*)?([A-Z]\\w*)'),
      rule("^([a-z_][\\w']*)\\s*:\\s"),
    ],
  },
  ocaml: {
    attached: /^\s*(?:\(\*|\/\/\/?)/,
    definitions: [
      rule('^\\s*(?:let|and)\\s+(?:rec\\s+|inline\\s+)*NAME'),
      rule('^\\s*(?:type|module|exception)\\s+(?:rec\\s+)?NAME'),
    ],
  },
  elixir: {
    attached: hashes,
    definitions: [
      rule('^\\s*def(?:p|macro|macrop|guard|delegate)?\\s+NAME'),
      rule('^\\s*defmodule\\s+(?:[\\w]+\\.)*NAME'),
    ],
  },
  erlang: {
    attached: /^\s*%/,
    definitions: [
      rule('^([a-z]\\w*)\\([^)]*\\)(?:\\s+when.*)?\\s*->'),
      rule('^-(?:record|define|module)\\(([\\w]+)'),
    ],
  },
  lisp: {
    attached: semicolons,
    definitions: [/^\s*\((?:def\w*|cl-def\w+|define(?:-\w+)?)\s+\(?([^\s()]+)/u],
  },
  zig: {
    attached: slashes,
    definitions: [
      rule('^\\s*(?:pub\\s+)?(?:export\\s+|inline\\s+)*fn\\s+NAME'),
      rule('^\\s*(?:pub\\s+)?(?:const|var)\\s+NAME'),
    ],
  },
  protobuf: { attached: slashes, definitions: [rule('^\\s*(?:message|service|rpc|enum|extend)\\s+NAME')] },
  graphql: {
    attached: hashes,
    definitions: [
      rule('^\\s*(?:type|input|interface|enum|union|scalar|directive|query|mutation|fragment)\\s+@?NAME'),
    ],
  },
  terraform: {
    attached: hashes,
    definitions: [
      /^\s*(?:resource|data)\s+"[^"]*"\s+"([^"]+)"/u,
      /^\s*(?:variable|output|module|provider)\s+"([^"]+)"/u,
    ],
  },
  make: { attached: hashes, definitions: [/^([A-Za-z_][\w.-]*)\s*:(?!=)/u, /^([A-Za-z_]\w*)\s*[:?+]?=/u] },
  cmake: {
    attached: hashes,
    definitions: [/^\s*(?:function|macro|add_library|add_executable|add_custom_target)\s*\(\s*(\w+)/iu],
  },
  powershell: { attached: hashes, definitions: [/^\s*(?:function|filter|class|enum)\s+([\w-]+)/iu] },
  vim: { attached: /^\s*"/, definitions: [/^\s*fu(?:nction)?!?\s+(?:[a-z]:)?([\w#]+)/u] },
  assembly: { attached: /^\s*[;#]/, definitions: [/^([A-Za-z_.$][\w.$]*):/u] },
  css: { attached: /^\s*(?:\/\*|\*|\/\/)/, definitions: [/^\s*@(?:mixin|function|keyframes)\s+([\w-]+)/u] },
};
const families: Readonly<Record<string, LanguageRules>> = {
  ...others,
  javascript,
  typescript: javascript,
  'typescript declarations': declarations,
  svelte: javascript,
  vue: javascript,
  html: javascript,
  python,
  go,
  rust,
  c,
  cpp: c,
  ruby,
  shell,
  java: classy,
  kotlin: classy,
  scala: classy,
  csharp: classy,
  swift: classy,
  dart: classy,
  php: classy,
};
const nothing: LanguageRules = { attached: /^\s*(?:#|\/\/|;|--)/, definitions: [] };

export function rulesOf(language: string | null): LanguageRules {
  return families[language ?? ''] ?? nothing;
}

/** lines longer than this are data or minified code */
const longestLine = 400;

/** The name that a line defines, or null. */
export function definedName(line: string, rules: LanguageRules): string | null {
  if (
    line.length > longestLine ||
    (rules.attached.test(line) &&
      !/^\s*#\s*define|^@(?:interface|impl|prot)|^\s*@\w.*\b(?:fn|var|fun|class|def)\b/.test(line))
  )
    return null;
  for (const definition of rules.definitions) {
    const found = definition.exec(line)?.[1];
    if (found !== undefined && !keywords.has(found)) return found;
  }
  return null;
}
