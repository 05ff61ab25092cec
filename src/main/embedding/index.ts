/** What texts mean, as points: a small sentence model beside the engine (decision 0010). */
export { Embedder } from './embedder.ts';
export { pack } from './packed-vector.ts';
