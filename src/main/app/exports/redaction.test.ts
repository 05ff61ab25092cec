import { describe, expect, it } from 'vitest';
import { ownSecrets, redactor, redactTree } from './redaction.ts';
import { message, whale } from './tree.fixture.ts';

const posix = redactor({
  folders: ['/home/ann/work/ship', '/srv/books', '/data'],
  homes: ['/home/ann'],
  users: ['ann'],
});
const windows = redactor({
  folders: ['C:\\Users\\Ann Lee\\ship', 'D:\\Books\\'],
  homes: ['C:\\Users\\Ann Lee'],
  users: ['Ann Lee'],
});

describe('redaction', () => {
  it.each([
    ['/home/ann/work/ship/src/a.ts', 'ship/src/a.ts'],
    ['/home/ann/work/ship', 'ship'],
    ['at main (/home/ann/work/ship/src/a.ts:3:4)', 'at main (ship/src/a.ts:3:4)'],
    ['file:///srv/books/moby.txt', 'books/moby.txt'],
    ['"/srv/books/moby.txt"', '"books/moby.txt"'],
    ['/home/ann/notes.md and /home/ann', 'notes.md and home'],
    ['/home/ann.', 'home.'],
    ['/home/bob/x.txt', 'x.txt'],
    ['/Users/bob/Desktop/x.txt', 'Desktop/x.txt'],
    ['by Ann, ANN and ann_laptop', 'by user, user and user_laptop'],
    // other words stay
    [
      '/home/annabel is no home of hers, nor are annual plans',
      'home is no home of hers, nor are annual plans',
    ],
    ['/srv/bookshelf/x', '/srv/bookshelf/x'],
    ['https://a.example/home/page /api/users/42', 'https://a.example/home/page /api/users/42'],
    ['/database and s/data/base/', '/database and s/data/base/'],
  ])('posix: %j -> %j', (text, redacted) => expect(posix(text)).toBe(redacted));

  it.each([
    ['C:\\Users\\Ann Lee\\ship\\src\\a.ts', 'ship\\src\\a.ts'],
    ['c:/users/ann lee/ship/src/a.ts', 'ship/src/a.ts'],
    ['{"path":"C:\\\\Users\\\\Ann Lee\\\\ship\\\\a.ts"}', '{"path":"ship\\\\a.ts"}'],
    ['D:\\Books\\moby.txt', 'Books\\moby.txt'],
    ['C:\\Users\\Ann Lee\\Documents\\x.txt', 'Documents\\x.txt'],
    ['C:\\Users\\bob\\x.txt', 'x.txt'],
    ['/mnt/c/Users/bob/x.txt', 'x.txt'],
    ['file:///C:/Users/Ann%20Lee and C:\\Windows', 'home and C:\\Windows'],
    ['written by ann lee.', 'written by user.'],
  ])('windows: %j -> %j', (text, redacted) => expect(windows(text)).toBe(redacted));

  it('leaves words alone that are accounts and name nobody', () => {
    const redact = redactor({ folders: [], homes: ['/root'], users: ['root', '', 'x'] });
    expect(redact('the root of x is in /root/a and /root')).toBe('the root of x is in a and home');
  });

  it('reaches every text of a conversation, and no identifier', () => {
    const secret = '/home/ann/work/ship/log.md by ann';
    const tree = {
      ...whale,
      conversation: {
        ...whale.conversation,
        title: secret,
        draft: secret,
        systemPrompt: secret,
        model: secret,
      },
      library: secret,
      folder: secret,
      messages: [
        ...whale.messages.map((one) => ({
          ...one,
          content: secret,
          passagesText: secret,
          ...(one.citations && {
            citations: one.citations.map((citation) => ({
              ...citation,
              document: secret,
              path: secret,
              quote: secret,
              section: secret,
            })),
          }),
          ...(one.receipt && {
            receipt: {
              ...one.receipt,
              sources: one.receipt.sources.map((source) => ({ ...source, name: secret, reason: secret })),
            },
          }),
        })),
        message({ id: 'ann', parentId: 'm3', role: 'user', content: 'x' }),
      ],
    };
    const redacted = redactTree(tree, posix);
    expect(JSON.stringify({ ...redacted, messages: redacted.messages.slice(0, -1) })).not.toMatch(
      /ann|home|work/,
    );
    expect(redacted.conversation.title).toBe('ship/log.md by user');
    expect(redacted.messages.at(-1)?.id).toBe('ann');
    expect(redacted.messages[2]?.receipt?.offered).toBe(1300);
  });

  it('knows the home and the user of this process', () => {
    const { homes, users } = ownSecrets([]);
    expect(homes[0]).toMatch(/[\\/]/);
    expect(users).toHaveLength(2);
  });
});
