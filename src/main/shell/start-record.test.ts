import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileNameFor } from './file-name.ts';
import { filesIn, OpenedFiles } from './opened-files.ts';
import { placeWindow, StartRecord } from './start-record.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'longleaf-start-'));
  file = join(folder, 'start.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('starts that do not end', () => {
  it('three in a row make the next one careful; one that ends well forgets them', () => {
    const careful = () => new StartRecord(file).begin();
    expect([careful(), careful(), careful(), careful()]).toEqual([false, false, false, true]);
    new StartRecord(file).endedWell();
    expect(careful()).toBe(false);
  });

  it.each(['', '{', 'null', '[]', '{"startsWithoutEnd":"x","window":3}', '{"window":{"bounds":{"x":1e99}}}'])(
    'a record that holds %j is no obstacle',
    (text) => {
      writeFileSync(file, text);
      const record = new StartRecord(file);
      expect([record.begin(), record.window]).toEqual([false, undefined]);
    },
  );

  it('a folder that cannot be written is no obstacle either', () => {
    expect(new StartRecord(join(folder, 'missing', 'start.json')).begin()).toBe(false);
  });
});

describe('the window', () => {
  const display = { x: 0, y: 0, width: 1920, height: 1040 };
  const bounds = { x: 100, y: 80, width: 1200, height: 800 };

  it('is kept', () => {
    new StartRecord(file).keepWindow({ bounds, maximised: true });
    expect(new StartRecord(file).window).toEqual({ bounds, maximised: true });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ startsWithoutEnd: 0 });
  });

  it('opens where it was, also on a second display', () => {
    expect(placeWindow({ bounds, maximised: false }, [display])).toEqual(bounds);
    const right = { ...bounds, x: 2000 };
    expect(placeWindow({ bounds: right, maximised: false }, [display, { ...display, x: 1920 }])).toEqual(
      right,
    );
  });

  it('opens in the middle when nobody could reach it where it was', () => {
    const away = [
      { ...bounds, x: 2000 }, // the second display is gone
      { ...bounds, x: -1190 },
      { ...bounds, y: -300 },
      { ...bounds, y: 1030 },
    ];
    for (const place of away)
      expect(placeWindow({ bounds: place, maximised: false }, [display])).toEqual({
        width: 1200,
        height: 800,
      });
  });

  it('is never larger than a display, nor too small to use', () => {
    const huge = { ...bounds, width: 9_000, height: 9_000 };
    expect(placeWindow({ bounds: huge, maximised: false }, [display])).toMatchObject({
      width: 1920,
      height: 1040,
    });
    const tiny = { ...bounds, width: 1, height: 1 };
    expect(placeWindow({ bounds: tiny, maximised: false }, [display])).toMatchObject({
      width: 960,
      height: 640,
    });
  });
});

describe('files that the system hands over', () => {
  it('are exports and models among the arguments, absolute', () => {
    const argv = ['electron', '.', '--data', '/d', 'a.gguf', '/b/C.JSON', '--x=y.json', 'notes.txt'];
    expect(filesIn(argv, '/home/ann')).toEqual(['/home/ann/a.gguf', '/b/C.JSON']);
  });

  it('wait until the page listens, and again while it is loaded anew', () => {
    const opened = new OpenedFiles();
    const seen: (readonly string[])[] = [];
    opened.add(['/a.gguf']);
    opened.listen((paths) => seen.push(paths));
    opened.listen(null);
    opened.add(['/b.json']);
    opened.listen((paths) => seen.push(paths));
    expect(seen).toEqual([['/a.gguf'], ['/b.json']]);
  });
});

it.each([
  ['Moby-Dick.md', 'Moby-Dick.md'],
  ['../../etc/passwd', '_.._etc_passwd'],
  ['a/b\\c:d*e?f"g<h>i|j.json', 'a_b_c_d_e_f_g_h_i_j.json'],
  ['\u202egpj.md', '_gpj.md'],
  ['con.md', '_con.md'],
  ['  .. ', 'Longleaf'],
  ['', 'Longleaf'],
  ['日本語の本.pdf', '日本語の本.pdf'],
])('an export called %j is offered as %j', (name, offered) => {
  expect(fileNameFor(name)).toBe(offered);
  expect(Buffer.byteLength(fileNameFor(`${'日'.repeat(500)}.md`))).toBeLessThan(200);
});
