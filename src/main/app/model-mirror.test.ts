import { expect, it } from 'vitest';
import { hubUrl, mirrorOf } from './model-mirror.ts';

it('the mirror: what is asked for, else the environment; a page of the hub becomes its file', () => {
  expect(mirrorOf('', {})).toBeNull();
  expect(mirrorOf(undefined, { HF_ENDPOINT: 'https://b.example' })).toBe('https://b.example');
  expect(mirrorOf('', { LONGLEAF_MIRROR: 'https://a.example/hub/', HF_ENDPOINT: 'https://b.example' })).toBe(
    'https://a.example/hub',
  );
  expect(mirrorOf('http://c.example', { LONGLEAF_MIRROR: 'https://a.example' })).toBe('http://c.example');
  expect(() => mirrorOf('c.example', {})).toThrow('no http address');
  const page = 'https://huggingface.co/owner/name/blob/main/x.gguf';
  expect(hubUrl(page, null)).toBe('https://huggingface.co/owner/name/resolve/main/x.gguf');
  expect(hubUrl('https://other.example/x.gguf', 'https://a.example')).toBe('https://other.example/x.gguf');
});
