import { describe, expect, it } from 'vitest';
import { isExportJson, isExportZip, kindOf } from './drop-kind.ts';

describe('what a dropped file is', () => {
  it('knows exports of chats by what is in them', () => {
    expect(isExportJson('[{"title":"x","create_time":1,"mapping":{"a":{}}}]')).toBe(true);
    expect(isExportJson('[{"uuid":"1","name":"x","chat_messages":[]}]')).toBe(true);
    expect(isExportJson('[{"id":"1","chat":{"history":{"messages":{}}}}]')).toBe(true);
    expect(isExportJson('{"name":"package","mapping":{"a":1}}')).toBe(false);
    expect(isExportJson('[1,2,3]')).toBe(false);
    expect(isExportZip('\u0000conversations.jsonPK')).toBe(true);
    expect(isExportZip('photos/1.jpg')).toBe(false);
  });

  it('takes models by name, and anything else for a document', async () => {
    expect(await kindOf(new File(['GGUF'], 'SmolLM2.GGUF'))).toBe('model');
    expect(await kindOf(new File(['{"a":1}'], 'data.json'))).toBe('document');
    expect(await kindOf(new File(['x'], 'book.epub'))).toBe('document');
  });
});
