import { describe, expect, it } from 'vitest';

import { codeSpans } from './code.ts';
import { definedName, rulesOf } from './definitions.ts';

const defined = (language: string, code: string): (string | null)[] =>
  code.split('\n').map((line) => definedName(line, rulesOf(language)));

describe('definedName', () => {
  it.each<[string, [line: string, name: string | null][]]>([
    [
      'javascript',
      [
        ['export default async function* walk(root) {', 'walk'],
        ['function parse (text) {', 'parse'],
        ['class Pool extends EventEmitter {', 'Pool'],
        ['const add = (a, b) => a + b;', 'add'],
        ['  const inner = async x => x;', 'inner'],
        ['const limit = 5', 'limit'],
        ['  const limit = 5', null],
        ['var $ = function (a) {', '$'],
        ['exports.parse = (text) => text;', 'parse'],
        ['exports.parse = parse;', null],
        ['exports.a = exports.b = void 0;', null],
        ['module.exports.compile = function compile(a) {', 'compile'],
        ['Parser.prototype.next = function () {', 'next'],
        ['Client.connect = function () {', 'connect'],
        ['  dispatch(options, handler) {', 'dispatch'],
        ['  async #load(path) {', 'load'],
        ['  static from(list) {', 'from'],
        ['  get size() {', 'size'],
        ['  *entries() {', 'entries'],
        ['  handler = (event) => {', 'handler'],
        ['  render: function () {', 'render'],
        ['  if (ready) {', null],
        ['  for (const a of b) {', null],
        ['  } catch (error) {', null],
        ['  return compute(a) {', null],
        ["  describe('walk', () => {", null],
        ['  items.forEach((item) => {', null],
        ['  call(a, b);', null],
        ['  x = compare(a) === b;', null],
        ['// function commented() {', null],
        [' * function documented() {', null],
        ['exports.a === b', null],
      ],
    ],
    [
      'typescript',
      [
        ['export interface Store {', 'Store'],
        ['export type Id<Name extends string> = string;', 'Id'],
        ['declare const enum Kind { A }', 'Kind'],
        ['export abstract class Shape<T> {', 'Shape'],
        ['  private async load(path: string): Promise<void> {', 'load'],
        ['  constructor(private a: string) {', null],
        ['  protected abstract area(): number;', 'area'],
        ['export const handler: Handler = async (event) => {', 'handler'],
        ['  readonly name: string;', null],
        ['export { a, b };', null],
        ['export function isArray(x: unknown): x is unknown[];', 'isArray'],
        ['declare module "x" {', null],
        ['namespace Inner {', 'Inner'],
        ['type = 5;', null],
      ],
    ],
    [
      'typescript declarations',
      [
        ['declare function parse(text: string): Tree;', null],
        ['export declare class Parser {', null],
        ['export interface Options {', 'Options'],
        ['type Handler = () => void;', 'Handler'],
      ],
    ],
    [
      'python',
      [
        ['async def fetch(url):', 'fetch'],
        ['    def __init__(self):', '__init__'],
        ['class Node(Base):', 'Node'],
        ['LIMIT: int = 3', 'LIMIT'],
        ['    x = 3', null],
        ['# def old():', null],
        ['@property', null],
        ['if x == 3:', null],
      ],
    ],
    [
      'go',
      [
        ['func (s *Server) Serve(l net.Listener) error {', 'Serve'],
        ['func Max[T any](a, b T) T {', 'Max'],
        ['type Handler interface {', 'Handler'],
        ['var ErrClosed = errors.New("closed")', 'ErrClosed'],
        ['\treturn func() {', null],
      ],
    ],
    [
      'rust',
      [
        ['pub(crate) async fn read_all(path: &Path) -> Result<()> {', 'read_all'],
        ['    pub const fn with_size(n: usize) -> Self {', 'with_size'],
        ['pub struct Cache<K> {', 'Cache'],
        ['impl Cache {', null],
        ['macro_rules! vec_of {', 'vec_of'],
        ['static COUNT: AtomicUsize = AtomicUsize::new(0);', 'COUNT'],
        ['#[derive(Debug)]', null],
        ['/// fn in_a_comment()', null],
      ],
    ],
    [
      'cpp',
      [
        ['#define MAX(a, b) ((a) > (b) ? (a) : (b))', 'MAX'],
        ['static int parse(const char *text) {', 'parse'],
        ['void Cache::commit(int64_t rows)', 'commit'],
        ['class Cache : public Base {', 'Cache'],
        ['struct point;', null],
        ['  explicit Cache(int x) : x_(x) {', 'Cache'],
        ['  int64_t position() const {', 'position'],
        ['typedef unsigned int uint;', 'uint'],
        ['} node_t;', 'node_t'],
        ['using Bytes = std::vector<uint8_t>;', 'Bytes'],
        ['  return parse(x);', null],
        ['  if (parse(x)) {', null],
        ['int count;', null],
        ['template <typename T> struct Box {', 'Box'],
        ['std::unique_ptr<Cache> open(Env env) {', 'open'],
      ],
    ],
    [
      'java',
      [
        ['public final class Parser<T> {', 'Parser'],
        ['    public static List<String> split(String text) {', 'split'],
        ['    void reset() {', 'reset'],
        ['    @Override', null],
        ['    private static final int LIMIT = 3;', 'LIMIT'],
        ['        return next();', null],
        ['    } else if (x) {', null],
      ],
    ],
    [
      'csharp',
      [
        ['    public async Task<int> ReadAsync(Stream s)', 'ReadAsync'],
        ['public record Point(int X, int Y);', 'Point'],
      ],
    ],
    [
      'kotlin',
      [
        ['fun String.shout(): String = uppercase()', 'shout'],
        ['data class User(val name: String)', 'User'],
        ['    override fun close() {', 'close'],
      ],
    ],
    [
      'swift',
      [
        ['    func draw(in rect: CGRect) {', 'draw'],
        ['extension String {', 'String'],
        ['protocol Shape {', 'Shape'],
      ],
    ],
    [
      'php',
      [
        ['    public function handle(Request $request): Response', 'handle'],
        ['class Kernel', 'Kernel'],
      ],
    ],
    [
      'ruby',
      [
        ['  def self.build(name)', 'build'],
        ['class Admin::User < Base', 'User'],
        ['  LIMIT = 3', 'LIMIT'],
        ['# def old', null],
      ],
    ],
    [
      'shell',
      [
        ['build_all() {', 'build_all'],
        ['function clean {', 'clean'],
        ['export PATH_X=1', 'PATH_X'],
        ['echo "x"', null],
      ],
    ],
    [
      'lua',
      [
        ['function M.open(path)', 'open'],
        ['local function close()', 'close'],
      ],
    ],
    [
      'sql',
      [
        ['CREATE TABLE IF NOT EXISTS "users" (', 'users'],
        ['create or replace function total(x int)', 'total'],
        ['SELECT 1', null],
      ],
    ],
    [
      'haskell',
      [
        ['mapM_ :: Monad m => (a -> m b) -> [a] -> m ()', 'mapM_'],
        ['data Tree a = Leaf', 'Tree'],
      ],
    ],
    [
      'elixir',
      [
        ['  def handle_call(msg, from, state) do', 'handle_call'],
        ['defmodule My.App do', 'App'],
      ],
    ],
    [
      'lisp',
      [
        ['(defun square (x)', 'square'],
        ['(define (cube x)', 'cube'],
      ],
    ],
    ['zig', [['pub fn main() !void {', 'main']]],
    [
      'make',
      [
        ['build: src/a.c', 'build'],
        ['CC := gcc', 'CC'],
      ],
    ],
  ])('%s', (language, lines) => {
    expect(defined(language, lines.map(([line]) => line).join('\n'))).toEqual(lines.map(([, name]) => name));
  });

  it('no line takes long, whatever it holds', () => {
    const started = process.cpuUsage();
    for (const language of ['javascript', 'cpp', 'java', 'rust', 'sql', 'haskell', 'python'])
      for (const part of ['a ', 'a(', 'public ', 'a.', '<a>', 'a::', '(a,', ' '])
        definedName(`  ${part.repeat(190)}`.slice(0, 399), rulesOf(language));
    expect(process.cpuUsage(started).user / 1e6).toBeLessThan(2);
  });
});

const spans = (code: string, language = 'typescript', target = 40) =>
  codeSpans(code, language, target).map(({ start, end, defines, enclosing }) => ({
    text: code.slice(start, end),
    defines,
    enclosing,
  }));

describe('codeSpans', () => {
  it('a function begins with its comment and decorators, and ends before the next', () => {
    const one =
      '/** Adds. */\nexport function add(a: number, b: number): number {\n  // the sum\n  return a + b; // of both numbers given\n}\n\n';
    const two =
      '/**\n * Subtracts.\n */\n@memo\nfunction subtract(a: number, b: number): number {\n  return a - b; // what is left\n}\n';
    expect(spans(one + two)).toEqual([
      { text: one, defines: ['add'], enclosing: [] },
      { text: two, defines: ['subtract'], enclosing: [] },
    ]);
  });

  it('a long class is split at its methods, which know their class', () => {
    const method = (name: string): string =>
      `  ${name}(): void {\n${'    this.work(1, 2, 3, 4);\n'.repeat(5)}  }\n`;
    const code = `class Pool {\n  size = 1;\n${method('open')}${method('close')}}\nconst after = 1;\n`;
    const found = spans(code);
    expect(found.map(({ defines }) => defines)).toEqual([['Pool'], ['open'], ['close'], ['after']]);
    expect(found[1]?.enclosing).toEqual(['Pool']);
    expect(found.map(({ text }) => text).join('')).toBe(code);
  });

  it('Python by indentation; the rest of a long function knows its name', () => {
    const code = `class A:\n    def f(self):\n${Array.from({ length: 30 }, (_, line) => `        value${String(line)} = compute(${String(line)})\n`).join('')}`;
    const found = spans(code, 'python', 60);
    expect(found[0]?.defines).toEqual(['A', 'f']);
    expect(found.at(-1)?.enclosing).toEqual(['A', 'f']);
  });
});
