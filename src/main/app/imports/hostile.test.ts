import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../shared/errors.ts';
import { StoreFixture } from '../../store/store.fixture.ts';
import { detect } from './detect.ts';
import { chatgpt, importText, zipOf } from './foreign.fixture.ts';
import { importConversations, readConversation } from './index.ts';

const fixture = new StoreFixture();
beforeEach(() => fixture.open());
afterEach(() => fixture.close());

describe('bad files', () => {
  it.each([
    ['', 'invalid-input'],
    ['{', 'invalid-input'],
    ['[]', 'invalid-input'],
    ['null', 'invalid-input'],
    ['[1,"a",null,[]]', 'invalid-input'],
    ['{"a":1}', 'invalid-input'],
    [`${'['.repeat(200_000)}${']'.repeat(200_000)}`, 'invalid-input'],
    ['PK\u0003\u0004 no archive', 'invalid-input'],
  ])('%#: refused', async (text, code) => {
    await expect(importText(fixture, text)).rejects.toMatchObject({ name: 'AppError', code });
  });

  it('a folder and a missing file are named', async () => {
    for (const [file, code] of [
      [fixture.dataFolder, 'invalid-input'],
      [join(fixture.dataFolder, 'no.json'), 'not-found'],
    ] as const)
      await expect(importConversations(fixture.store, file)).rejects.toMatchObject({
        name: 'AppError',
        code,
      });
  });

  it('an archive that unpacks beyond the limit ends there', async () => {
    const bomb = await zipOf({ 'conversations.json': ' '.repeat(64 * 2 ** 20) });
    await expect(importText(fixture, bomb, 'bomb.zip')).rejects.toMatchObject({
      name: 'AppError',
      code: 'invalid-input',
    });
  });

  it('an archive without conversations says so', async () => {
    const bytes = await zipOf({ 'a.txt': 'x' });
    await expect(importText(fixture, bytes, 'a.zip')).rejects.toMatchObject({ code: 'invalid-input' });
  });

  it('broken conversations are named, the others are taken', async () => {
    const deep = JSON.parse(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`) as unknown;
    const report = await importText(
      fixture,
      JSON.stringify([{ title: 'Empty', mapping: {} }, 7, { ...chatgpt, mapping: 'x' }, chatgpt]),
    );
    expect(report.conversations).toHaveLength(1);
    expect(report.failed.map(({ title }) => title)).toEqual(['Empty', 'Untitled', 'About whales']);
    expect(() =>
      readConversation('chatgpt', { mapping: { n: { message: { content: { parts: [deep] } } } } }),
    ).toThrow(AppError);
  });

  it('whatever the JSON, it is a tree or an AppError', () => {
    const keys = fc.constantFrom(
      ...'mapping message parent author role content content_type parts text metadata chat_messages sender uuid chat history messages parentId currentId title id create_time timestamp conversation conversations format version __proto__ constructor toString'.split(
        ' ',
      ),
    );
    const leaf = fc.oneof(
      fc.constantFrom<unknown>(
        'user',
        'assistant',
        'human',
        'tool',
        'text',
        '',
        'longleaf-conversations',
        null,
        -1,
        1e308,
        2,
        true,
      ),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );
    const json = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 7, depthSize: 'small' },
        leaf,
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(keys, tie('value'), { maxKeys: 5 }),
      ),
    })).value;
    fc.assert(
      fc.property(json, (value) => {
        for (const from of ['longleaf', 'chatgpt', 'claude', 'open-webui'] as const) {
          try {
            const { tree } = readConversation(from, value);
            const before = new Set<string>();
            for (const message of tree.messages) {
              if (message.parentId !== null) expect(before).toContain(message.parentId);
              expect(before).not.toContain(message.id);
              before.add(message.id);
            }
          } catch (error) {
            if (!(error instanceof AppError)) throw error;
          }
        }
        try {
          detect(value);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
