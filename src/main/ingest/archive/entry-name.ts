/** Names in archives are what a stranger wrote. Nothing is ever written to disk by them; odd ones are left out. */
const longestName = 1024;
const longestPart = 255;
const reserved = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$/i;

/** @returns why a file of this name is left out, or null */
export function refusedName(name: string): string | null {
  if (name === '') return 'it has no name';
  if (name.length > longestName) return `its name is longer than ${String(longestName)} characters`;
  if (/[\0-\x1f\x7f]/.test(name)) return 'its name holds control characters';
  if (/[\u202a-\u202e\u2066-\u2069]/.test(name)) return 'its name holds characters that turn the text around';
  if (/^([a-z]:|[/\\])/i.test(name)) return 'its name is an absolute path';
  const parts = name.split(/[/\\]/);
  if ([...parts, ...decoded(name).split(/[/\\]/)].includes('..'))
    return 'its name leads outside of the archive';
  if (parts.some((part) => part.length > longestPart))
    return `a part of its name is longer than ${String(longestPart)} characters`;
  if (parts.some((part) => reserved.test(part))) return 'its name is reserved on Windows';
  if (name.includes(':')) return 'its name holds a colon';
  if (parts.some((part) => /[. ]$/.test(part) && part !== '.')) return 'its name ends with a dot or a space';
  return null;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
