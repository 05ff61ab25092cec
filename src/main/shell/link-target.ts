export interface LinkTarget {
  /** as the parser writes it */
  readonly url: string;
  /** host, or mail address: what the user is asked about */
  readonly where: string;
}

const LONGEST = 2_048;

/**
 * A link that may leave the app: http, https or mailto, and nothing in it that reads differently than it works.
 * Null for anything else (file, smb, javascript, custom schemes, user names in front of the host …).
 */
export function linkTarget(given: string): LinkTarget | null {
  // also what the parser would silently drop (line breaks, tabs) or what turns the reading direction
  if (
    given.length > LONGEST ||
    /[\u0000-\u0020\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\\]/.test(given)
  )
    return null;
  if (!URL.canParse(given)) return null;
  const url = new URL(given);
  if (url.href.length > LONGEST) return null;
  if (url.protocol === 'mailto:') {
    // a subject and a text may be set; an attachment may not
    const wanted = [...url.searchParams.keys()].every((key) =>
      ['subject', 'body', 'cc'].includes(key.toLowerCase()),
    );
    return wanted && /^[^@\s?&]+@[^@\s?&]+$/.test(url.pathname)
      ? { url: url.href, where: url.pathname }
      : null;
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return null;
  if (url.username !== '' || url.password !== '' || url.hostname === '') return null;
  return { url: url.href, where: url.host };
}
