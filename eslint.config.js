// Few rules, each for a mistake that has cost somebody a day. No inline suppressions: `noInlineConfig` makes
// them inert; what does not fit a rule belongs in this file, with its reason.
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['node_modules/', 'out/', 'native/build/', 'coverage/', 'bench/results/', '**/*.d.ts'] },
  {
    linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' },
  },
  {
    files: ['**/*.ts'],
    extends: [js.configs.recommended, tseslint.configs.base],
    languageOptions: {
      parserOptions: {
        project: ['tsconfig.node.json', 'tsconfig.kernels.json'],
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
