import { expect, it } from 'vitest';
import { NOTHING_FOUND as written } from '../../main/app/citations.ts';
import { NOTHING_FOUND } from './answer-note.ts';

it('is the sentence that the core writes', () => expect(NOTHING_FOUND).toBe(written));
