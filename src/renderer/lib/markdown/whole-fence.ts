/** The code of the fence whose line of marks begins at `start`: to its closing marks, or to the end of the text. */
export function wholeFence(text: string, start: number): string {
  const open = /^[^\n]*/.exec(text.slice(start))?.[0] ?? '';
  const marks = /(`{3,}|~{3,})/.exec(open)?.[1] ?? '```';
  const code = text.slice(start + open.length + 1);
  const mark = marks.startsWith('~') ? '~' : '`';
  const close = new RegExp(`^\\s*${mark}{${String(marks.length)},}[ \\t]*$`, 'm').exec(code);
  return code.slice(0, close?.index ?? code.length).replace(/\n$/, '');
}
