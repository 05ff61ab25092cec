/** SubRip and WebVTT as lines `[00:01:02] What is said`: numbers and styling go, the time stays as the position. */
const timing = /^\s*((?:\d{1,3}:)?\d{1,2}:\d{2})[.,]\d{1,3}\s+-->\s+((?:\d{1,3}:)?\d{1,2}:\d{2})/;
/** seconds of silence that begin a new paragraph */
const pause = 5;

/** Text without a single timing line comes back as it is. */
export function subtitleText(text: string): string {
  const said: string[] = [];
  let cue: { from: string; words: string[] } | null = null;
  let ended = 0;
  const finish = (): void => {
    const words = cue?.words.join(' ') ?? '';
    if (cue !== null && words !== '') said.push(`[${cue.from}] ${words}`);
    cue = null;
  };
  for (const line of text.split('\n')) {
    const match = timing.exec(line);
    if (match?.[1] !== undefined) {
      finish();
      if (said.length > 0 && seconds(match[1]) - ended > pause) said.push('');
      ended = seconds(match[2] ?? match[1]);
      cue = { from: padded(match[1]), words: [] };
    } else if (line.trim() === '') finish();
    else if (cue !== null) {
      const words = line.replace(/<[^<>]{0,200}>|\{\\[^{}]{0,100}\}/g, '').trim();
      if (words !== '') (cue as { words: string[] }).words.push(words);
    }
  }
  finish();
  return said.length === 0 ? text : said.join('\n');
}

function seconds(time: string): number {
  return time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

function padded(time: string): string {
  const parts = time.split(':').map((part) => part.padStart(2, '0'));
  return (parts.length === 2 ? ['00', ...parts] : parts).join(':');
}
