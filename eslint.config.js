// Few rules, each for a mistake that has cost somebody a day. No inline suppressions: `noInlineConfig` makes
// them inert; what does not fit a rule belongs in this file, with its reason.
import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import tseslint from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

export default tseslint.config(
  {
    ignores: [
      'node_modules/',
      'out/',
      'native/build/',
      'coverage/',
      'bench/results/',
      'src/renderer/paraglide/',
      '**/*.d.ts',
    ],
  },
  {
    linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' },
  },
  {
    files: ['**/*.ts'],
    extends: [js.configs.recommended, tseslint.configs.base],
    languageOptions: {
      parserOptions: {
        project: [
          'tsconfig.node.json',
          'tsconfig.kernels.json',
          'tsconfig.browser.json',
          'tsconfig.renderer.json',
        ],
        extraFileExtensions: ['.svelte'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      // TypeScript itself checks these two, with types.
      'no-undef': 'off',
      'no-unused-vars': 'off',
      // NUL, escape and bidirectional characters are what ingest and terminal output must search for.
      'no-control-regex': 'off',
      // A method that only throws, or an async generator without await, is what an interface asks for.
      'require-yield': 'off',
      eqeqeq: 'error',
      'max-lines': ['error', { max: 400 }],
      'no-restricted-globals': ['error', 'event', 'name', 'status'],
      'no-console': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/ban-ts-comment': [
        'error',
        { 'ts-ignore': true, 'ts-nocheck': true, 'ts-expect-error': 'allow-with-description' },
      ],
      // `typeof import('x')` is how a module that is loaded late is typed.
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  {
    // Templates: rules about what the page would do wrong, not about taste.
    files: ['**/*.svelte', '**/*.svelte.ts'],
    extends: [tseslint.configs.base, ...svelte.configs.base],
    languageOptions: {
      parserOptions: {
        project: ['tsconfig.renderer.json'],
        extraFileExtensions: ['.svelte'],
        parser: tseslint.parser,
        svelteConfig,
      },
    },
    rules: {
      eqeqeq: 'error',
      'max-lines': ['error', { max: 400 }],
      'no-console': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      'svelte/infinite-reactive-loop': 'error',
      'svelte/no-at-debug-tags': 'error',
      // Elements come from DOMPurify (components/chat/Prose.svelte), never HTML as text.
      'svelte/no-at-html-tags': 'error',
      'svelte/no-dom-manipulating': 'error',
      'svelte/no-dupe-style-properties': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: 'SvelteAttribute[key.name="style"]',
          message:
            'The content security policy forbids style attributes: use a class or a `style:` directive.',
        },
      ],
      'svelte/no-object-in-text-mustaches': 'error',
      'svelte/no-target-blank': 'error',
      'svelte/no-unused-svelte-ignore': 'error',
      'svelte/require-each-key': 'error',
      'svelte/valid-compile': 'error',
    },
  },
  {
    // Programs of the developer's terminal: what they print is their purpose.
    files: ['bench/**/*.ts', '.ci/**/*.ts', '**/*.test.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.mjs', '**/*.js', '**/*.cjs'],
    extends: [js.configs.recommended],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        module: 'writable',
        performance: 'readonly',
        setTimeout: 'readonly',
      },
    },
    rules: { eqeqeq: 'error', 'max-lines': ['error', { max: 400 }] },
  },
);
