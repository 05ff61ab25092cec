import { createInterface } from 'node:readline';

/** One line typed in a terminal; null for Ctrl-D, two Ctrl-C, or the end of the program. */
export function prompt(
  signal: AbortSignal,
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
): Promise<string | null> {
  if (signal.aborted) return Promise.resolve(null);
  // Not kept open while an answer runs: it holds the terminal in raw mode, where Ctrl-C is a mere character.
  const terminal = createInterface({ input, output, prompt: '> ', terminal: true });
  return new Promise((resolve) => {
    let asked = false;
    const end = (line: string | null) => {
      signal.removeEventListener('abort', leave);
      terminal.off('close', leave);
      terminal.close();
      resolve(line);
    };
    const leave = () => end(null);
    signal.addEventListener('abort', leave);
    terminal.on('line', end);
    terminal.on('close', leave);
    terminal.on('SIGINT', () => {
      if (asked) return leave();
      asked = true;
      output.write('\n(Ctrl-C again leaves)\n');
      terminal.prompt();
    });
    terminal.prompt();
  });
}
