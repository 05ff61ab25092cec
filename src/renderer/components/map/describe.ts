/** A place on the map in words, for the tooltip and for screen readers. */
import type { ContextMap, MapDocument } from '../../../shared/rpc/index.ts';
import { formatNumber } from '../../lib/format.ts';
import { m } from '../../paraglide/messages.js';
import type { MapMark } from './mark-shapes.ts';
import { strideAt } from './reach.ts';
import { unitIndexAt } from './units.ts';

export interface MapText {
  readonly document: string;
  readonly details: string;
  /** all of it in one line */
  readonly value: string;
}

interface Place {
  readonly map: ContextMap;
  readonly documents: readonly MapDocument[];
  readonly marks: readonly MapMark[];
  /** where the needle stands when nobody points */
  readonly cursor: number | null;
  /** tokens after the library */
  readonly conversation: number;
}

/** Tokens that a passage's mark is wide for the keys: a step of the arrow rarely hits one token in a million. */
const NEAR_MARK = 0.003;

export function describeAt(at: number, { map, documents, marks, cursor, conversation }: Place): MapText {
  if (map.tokens === 0) return { document: '', details: '', value: m.map_empty() };
  // Without a conversation the end of the library belongs to its last document.
  const token = conversation === 0 ? Math.min(at, map.tokens - 1) : at;
  const document =
    token >= map.tokens ? m.map_conversation() : (documents[unitIndexAt(documents, token)]?.path ?? '');
  const wasRead = token >= map.tokens || token < map.read;
  const state = wasRead ? m.map_read() : map.read === 0 ? m.map_indexed() : m.map_unread();
  const parts: string[] = [m.map_token({ token: formatNumber(Math.round(at)) }), state];
  const reach = reachText(token, map, cursor);
  if (reach !== null) parts.push(reach);
  const mark = marks.find(({ at }) => Math.abs(at - token) <= NEAR_MARK * map.tokens);
  if (mark !== undefined) parts.push(m.map_passage({ number: mark.number }));
  return { document, details: parts.join(' · '), value: [document, ...parts].join('; ') };
}

/** As the needle's own place sees the token; null where there is nothing to say. */
function reachText(token: number, map: ContextMap, cursor: number | null): string | null {
  if (cursor === null || map.read === 0 || token >= Math.min(cursor, map.read)) return null;
  const stride = strideAt(cursor, token, map.plan);
  if (stride === null) return m.map_out_of_reach();
  return stride === 1 ? m.map_in_reach_exactly() : m.map_in_reach({ stride });
}
