/** The use cases of Longleaf behind the RPC contract. `openApp` puts the real parts together. */
export type { App } from './create-app.ts';
export type { OpenAppOptions } from './open-app.ts';
export { openApp, STATE_LIMITS } from './open-app.ts';
// For `doctor`.
export { hardwareReport } from './hardware.ts';
// For measurements (bench/questions): single turns without a conversation.
export { Engines } from './engines.ts';
export { createPromptWriter } from './prompt.ts';
export { DEFAULT_SAMPLING } from './sampling.ts';
export type { ScoredAnswer } from './score-answer.ts';
export { scoreAnswer } from './score-answer.ts';
// For measurements (bench/retrieval): the choice of passages without a turn.
export type { ChosenPassages } from './passages.ts';
export { choosePassages } from './passages.ts';
export { SentenceSearch } from './sentence-search.ts';
export { ReadingGate } from './reading-gate.ts';
