import { expect, it } from 'vitest';
import { linkTarget } from './link-target.ts';

it.each([
  ['https://example.com/a?b=c#d', 'example.com'],
  ['http://example.com:8080', 'example.com:8080'],
  ['HTTPS://EXAMPLE.COM', 'example.com'],
  ['https://bücher.example/', 'xn--bcher-kva.example'],
  ['mailto:ann@example.com', 'ann@example.com'],
  ['mailto:ann@example.com?subject=Hello', 'ann@example.com'],
])('%s may be opened, and the user is asked about %s', (url, where) => {
  expect(linkTarget(url)?.where).toBe(where);
});

// Chat apps have been taken over through openExternal (DeepChat CVE-2025-55733, CVE-2026-43899).
it.each([
  'file:///etc/passwd',
  'file://host/share/x.exe',
  'smb://host/share',
  '\\\\host\\share\\x',
  '//host/share',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'java\nscript:alert(1)',
  'vbscript:x',
  'data:text/html,<script>alert(1)</script>',
  'blob:https://example.com/1',
  'about:blank',
  'view-source:https://example.com',
  'chrome://settings',
  'app://longleaf/',
  'ms-msdt:/id PCWDiagnostic',
  'search-ms:query=x&crumb=location:\\\\host',
  'calculator:',
  'ms-settings:',
  'vscode://file/x',
  'ssh://host',
  'telnet://host',
  'ftp://host/x',
  'ldap://host',
  'jar:https://example.com!/x',
  'tel:123',
  'intent://x#Intent;end',
  'steam://run/1',
  'zoommtg://x',
  'ws://example.com',
  'https://user:secret@example.com',
  'https://example.com@evil.example',
  'https:\\\\evil.example',
  'https://example.com/\u202egpj.exe',
  ' https://example.com',
  'https://exa\tmple.com',
  'https://example.com/\u0000',
  'https://',
  'example.com',
  '',
  'mailto:',
  'mailto:ann@example.com?attach=/etc/passwd',
  'mailto:ann@example.com,ben@example.com?attachment=x',
  `https://example.com/${'a'.repeat(2_048)}`,
])('%j is not opened', (url) => {
  expect(linkTarget(url)).toBeNull();
});
