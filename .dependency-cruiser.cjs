// The architecture as rules (docs/architecture.md, "Direction"). Tests may look inside neighbours; code may not.
// bench/gpu is a test too: of kernels, on a card that no other test sees; bench/shape-7b makes a file for tests.
const TEST = '([.](test|fixture)[.]ts$|/testing/|^bench/(gpu[/.]|shape-7b[.]))';

/** `package` may be imported from `files` (a regular expression) and nowhere else below src and native. */
const onlyFrom = (name, target, files) => ({
  name: `only-from:${name}`,
  comment: `${name} has one door, so that it can be replaced, faked and reasoned about in one place.`,
  severity: 'error',
  from: { path: '^(src|native)/', pathNot: [files, TEST] },
  to: { path: target },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Modules that need each other are one module, or miss a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'shared-is-pure',
      comment: 'src/shared runs in Node, browsers and Electron alike: no Node, nothing of src/main.',
      severity: 'error',
      from: { path: '^src/shared/', pathNot: ['^src/shared/markdown/', TEST] },
      to: { pathNot: ['^src/shared/', '(^|/)node_modules/valibot/'] },
    },
    {
      name: 'shared-markdown-is-pure',
      comment:
        'As above, and markdown-it, which is pure too: window and exports must show the same text alike.',
      severity: 'error',
      from: { path: '^src/shared/markdown/', pathNot: TEST },
      to: { pathNot: ['^src/shared/', '(^|/)node_modules/markdown-it/'] },
    },
    {
      name: 'renderer-is-apart',
      comment: 'The page knows the contract and nothing behind it: it runs in a sandbox, and in any browser.',
      severity: 'error',
      from: { path: '^src/renderer/', pathNot: TEST },
      to: { path: ['^src/(main|preload)/', '^native/', '^node:'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'leaves-are-apart',
      comment: 'formats, tokenizer, ingest and store know shared and no other folder.',
      severity: 'error',
      from: { path: '^src/main/(formats|tokenizer|ingest|store)/', pathNot: TEST },
      to: { path: '^src/main/', pathNot: '^src/main/$1/' },
    },
    {
      name: 'engine-is-apart',
      comment: 'Of the other folders the engine knows formats only: it reads model files.',
      severity: 'error',
      from: { path: '^src/main/engine/', pathNot: TEST },
      to: { path: '^src/main/', pathNot: '^src/main/(engine|formats)/' },
    },
    {
      name: 'embedding-is-apart',
      comment: 'Of the other folders the sentence model knows what runs a graph and what splits a text.',
      severity: 'error',
      from: { path: '^src/main/embedding/', pathNot: TEST },
      to: { path: '^src/main/', pathNot: '^src/main/(embedding|engine|tokenizer)/' },
    },
    {
      name: 'through-the-index',
      comment:
        'What another folder offers stands in its index.ts; the rest is private. host/ports/child.ts is what shell and core share: the shell loads nothing else of the host. What app/ has about model files are doors of their own: commands about them load no store, and an engine only to measure.',
      severity: 'error',
      from: { path: '^(?:src/main/([^/]+)/|src/main/(?:cli|core|index)[.]ts|bench/|e2e/)', pathNot: TEST },
      to: {
        path: '^src/main/[^/]+/',
        pathNot: [
          '^src/main/$1/',
          '^src/main/[^/]+/index[.]ts$',
          '^src/main/app/(models|model-(download|import|mirror|hash)|installed-model|sentence-model-files)[.]ts$',
          '^src/main/app/(far-reading|machine-speed|model-(fit|summaries))[.]ts$',
          '^src/main/host/ports/child[.]ts$',
        ],
      },
    },
    {
      name: 'rpc-through-the-index',
      severity: 'error',
      from: { pathNot: ['^src/shared/rpc/', TEST] },
      to: { path: '^src/shared/rpc/', pathNot: '^src/shared/rpc/index[.]ts$' },
    },
    {
      name: 'app-knows-no-host',
      comment: 'Use cases do not know how they are reached: terminal, socket, window.',
      severity: 'error',
      from: { path: '^src/main/app/', pathNot: TEST },
      to: { path: '^src/main/(host|http|shell|page|cli|bench|cli[.]ts)' },
    },
    {
      name: 'shell-is-a-shell',
      comment:
        'The desktop shell shows the page and passes frames on. Use cases, store and engine are in the core, another process.',
      severity: 'error',
      from: { path: '^src/(main/shell/|main/index[.]ts|preload/)', pathNot: TEST },
      to: {
        path: '^(src/main|native)/',
        pathNot: '^src/main/(shell/|page/index[.]ts|host/ports/child[.]ts)',
      },
    },
    {
      name: 'http-knows-no-app',
      comment: 'HTTP gives out the page and connects it with the host; it knows no use case.',
      severity: 'error',
      from: { path: '^src/main/(http|page)/', pathNot: TEST },
      to: { path: '^src/main/', pathNot: '^src/main/(http/|page/|host/index[.]ts)' },
    },
    {
      name: 'nothing-imports-the-roots',
      severity: 'error',
      from: {},
      to: { path: '^src/main/(cli|core|index)[.]ts$' },
    },
    {
      name: 'not-to-tests',
      severity: 'error',
      from: { path: '^(src|native|bench)/', pathNot: TEST },
      to: { path: [TEST, '^e2e/'] },
    },
    {
      name: 'no-dev-dependencies',
      comment: '`npm start` installs without them.',
      severity: 'error',
      from: { path: '^(src|native)/', pathNot: [TEST, 'native/test'] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: { path: '^(src|native|bench|e2e)/' },
      to: { couldNotResolve: true },
    },
    onlyFrom(
      'better-sqlite3',
      '(^|/)node_modules/(@types/)?better-sqlite3/',
      '^src/main/(store|engine/state)/database[.]ts$',
    ),
    onlyFrom(
      'onnxruntime-node',
      '(^|/)node_modules/onnxruntime-(node|common)/',
      '^src/main/engine/cpu/onnx[.]ts$',
    ),
    onlyFrom('webgpu', '(^|/)node_modules/webgpu/', '^src/main/engine/gpu/dawn[.]ts$'),
    onlyFrom('native', '^native/', '^(native/|src/main/engine/(cpu/|index[.]ts$))'),
    onlyFrom('yauzl', '(^|/)node_modules/(@types/)?yauzl/', '^src/main/(ingest/.*zip[^/]*|app/wheel)[.]ts$'),
    onlyFrom('electron', '(^|/)node_modules/electron/', '^src/(main/shell/|main/index[.]ts|preload/)'),
    onlyFrom('ws', '(^|/)node_modules/(@types/)?ws/', '^src/main/(http/|host/ports/websocket[.]ts)'),
    onlyFrom(
      'pdfkit',
      '(^|/)node_modules/(@types/)?pdfkit/',
      '^src/main/app/exports/pdf/(index|sheet)[.]ts$',
    ),
    onlyFrom('fontkit', '(^|/)node_modules/fontkit/', '^src/main/app/exports/pdf/outline-font[.]ts$'),
    onlyFrom('yazl', '(^|/)node_modules/(@types/)?yazl/', '^src/main/app/exports/zip[.]ts$'),
    onlyFrom('node-llama-cpp', '(^|/)node_modules/node-llama-cpp/', '^bench/'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['^native/build/', '^out/', '^src/renderer/paraglide/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.node.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['svelte', 'import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.svelte', '.mjs', '.cjs', '.js', '.json', '.d.ts'],
    },
  },
};
