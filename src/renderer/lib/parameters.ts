/** The sampling parameters as users know them: name, range, step. Ranges are those of the contract. */
import type { Settings } from '../../shared/rpc/index.ts';
import { m } from '../paraglide/messages.js';

export type Parameters = Settings['chat.parameters'];
export type ParameterName = keyof Parameters;

export interface Parameter {
  readonly name: ParameterName;
  readonly title: () => string;
  readonly text: () => string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

export const parameterList: readonly Parameter[] = [
  {
    name: 'temperature',
    title: m.parameter_temperature,
    text: m.parameter_temperature_text,
    min: 0,
    max: 2,
    step: 0.1,
  },
  {
    name: 'maxTokens',
    title: m.parameter_max_tokens,
    text: m.parameter_max_tokens_text,
    min: 1,
    max: 1_000_000,
    step: 1,
  },
  { name: 'topK', title: m.parameter_top_k, text: m.parameter_top_k_text, min: 0, max: 1_000_000, step: 1 },
  { name: 'topP', title: m.parameter_top_p, text: m.parameter_top_p_text, min: 0.01, max: 1, step: 0.05 },
  { name: 'minP', title: m.parameter_min_p, text: m.parameter_min_p_text, min: 0, max: 0.99, step: 0.05 },
  {
    name: 'repetitionPenalty',
    title: m.parameter_penalty,
    text: m.parameter_penalty_text,
    min: 0.1,
    max: 10,
    step: 0.05,
  },
  {
    name: 'repetitionWindow',
    title: m.parameter_penalty_window,
    text: m.parameter_penalty_window_text,
    min: 0,
    max: 1_000_000,
    step: 1,
  },
  {
    name: 'seed',
    title: m.parameter_seed,
    text: m.parameter_seed_text,
    min: 0,
    max: 0xffff_ffff,
    step: 1,
  },
];

/** The same with one value changed; undefined = the default again. */
export function withParameter(
  parameters: Parameters,
  name: ParameterName,
  value: number | undefined,
): Parameters {
  const rest = Object.fromEntries(Object.entries(parameters).filter(([key]) => key !== name));
  return value === undefined ? rest : { ...rest, [name]: value };
}
