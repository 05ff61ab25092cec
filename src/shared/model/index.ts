export type * from './ids.ts';
export type * from './receipt.ts';
export type * from './conversation.ts';
export type * from './library.ts';
