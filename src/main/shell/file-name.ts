/** A title as a file name that every system takes: no separators, control or reserved characters, not too long. */
export function fileNameFor(name: string): string {
  const clean = name
    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069<>:"/\\|?*]/g, '_')
    .replace(/^[. ]+|[. ]+$/g, '');
  const dot = clean.lastIndexOf('.');
  const extension = dot > 0 && clean.length - dot <= 6 ? clean.slice(dot) : '';
  const stem = shortened(clean.slice(0, clean.length - extension.length), 180);
  const device = /^(con|prn|aux|nul|com\d|lpt\d)$/i.test(stem) ? '_' : '';
  return `${device}${stem || 'Longleaf'}${extension}`;
}

/** At most so many bytes of UTF-8, cut between characters. */
function shortened(text: string, bytes: number): string {
  let kept = '';
  for (const character of text.toWellFormed()) {
    if (Buffer.byteLength(kept + character) > bytes) break;
    kept += character;
  }
  return kept;
}
