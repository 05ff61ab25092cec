/** What reading a library into a state is worth with a model, as it was measured: the far-reading gate in words. */
import type { ModelSummary } from '../../../shared/rpc/index.ts';
import { formatNumber } from '../../lib/format.ts';
import { m } from '../../paraglide/messages.js';

export interface Worth {
  /** was it shown to help? null: not measured */
  readonly helps: boolean | null;
  readonly text: string;
}

export function worthOfReading(model: ModelSummary | undefined): Worth {
  if (model === undefined) return { helps: null, text: m.reading_worth_no_model() };
  const measured = model.farReading;
  if (measured === null) return { helps: null, text: m.reading_worth_unknown({ model: model.name }) };
  const [low, high] = measured.interval95;
  const figures = {
    model: model.name,
    facts: formatNumber(measured.facts),
    difference: signed(measured.difference),
    low: signed(low),
    high: signed(high),
  };
  return {
    helps: measured.passed,
    text: measured.passed ? m.reading_worth_passed(figures) : m.reading_worth_failed(figures),
  };
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${formatNumber(Math.abs(value), 2)}`;
}
