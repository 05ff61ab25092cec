/** Choosing the next token from logits. */
export { Pcg32 } from './pcg32.ts';
export { Sampler } from './sampler.ts';
