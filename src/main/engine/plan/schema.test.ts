import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { preset, presetNames } from './presets.ts';
import { canonicalPlan, parsePlan, parsePlanText, planSchema } from './schema.ts';

/** The parts of valibot's schema objects that the plan uses. */
interface Node {
  readonly kind: string;
  readonly type: string;
  readonly entries?: Readonly<Record<string, Node>>;
  readonly item?: Node;
  readonly wrapped?: Node;
  readonly options?: readonly string[];
  readonly pipe?: readonly Node[];
  readonly requirement?: unknown;
}

const keywords: Readonly<Record<string, string>> = {
  min_value: 'minimum',
  max_value: 'maximum',
  gt_value: 'exclusiveMinimum',
};

function jsonSchemaOf(node: Node): Record<string, unknown> {
  const schema: Record<string, unknown> = {};
  switch (node.type) {
    case 'strict_object': {
      const entries = Object.entries(node.entries ?? {});
      schema['type'] = 'object';
      schema['properties'] = Object.fromEntries(
        entries.map(([key, field]) => [key, jsonSchemaOf(field.wrapped ?? field)]),
      );
      schema['required'] = entries.filter(([, field]) => field.wrapped === undefined).map(([key]) => key);
      schema['additionalProperties'] = false;
      break;
    }
    case 'picklist':
      schema['enum'] = node.options;
      break;
    case 'array':
      schema['type'] = 'array';
      if (node.item !== undefined) schema['items'] = jsonSchemaOf(node.item);
      break;
    default:
      schema['type'] = node.type;
  }
  for (const action of node.pipe?.slice(1) ?? []) {
    if (action.type === 'integer') schema['type'] = 'integer';
    else {
      const bound = action.type.slice(0, 3);
      const isLength = action.type.endsWith('_length');
      const unit = schema['type'] === 'array' ? 'Items' : 'Length';
      schema[isLength ? `${bound}${unit}` : (keywords[action.type] ?? action.type)] = action.requirement;
    }
  }
  return schema;
}

const geometry = { heads: 9, kvHeads: 3, headDim: 64, trainedLength: 8192 };

describe('resources/plan.schema.json', () => {
  it('says the same as the schema that parses plans', () => {
    const file: unknown = JSON.parse(
      readFileSync(new URL('../../../../resources/plan.schema.json', import.meta.url), 'utf8'),
    );
    expect(file).toMatchObject({ $schema: 'https://json-schema.org/draft/2020-12/schema' });
    const { $schema, $comment, title, ...body } = file as Record<string, unknown>;
    expect([typeof $schema, typeof $comment, title]).toEqual(['string', 'string', 'AttentionPlan']);
    expect(body).toEqual(jsonSchemaOf(planSchema as unknown as Node));
  });
});

describe('parsePlan', () => {
  it.each(presetNames)('takes the preset %s back from its JSON', (name) => {
    const plan = preset(name, geometry);
    expect(parsePlanText(JSON.stringify(plan), 'a test')).toEqual(plan);
  });

  it.each([
    ['sinks', { sinks: -1 }],
    ['sinks', { sinks: 1.5 }],
    ['window', { window: 2 ** 41 }],
    ['window', { window: 0 }],
    ['window', { window: Infinity }],
    ['mixing', { mixing: 'twice' }],
    ['patterns.0.dilation', { patterns: [{ segmentLength: 4, dilation: 0 }] }],
    ['bands.rho', { bands: { exponents: [1], period: 1, increment: 1, firstSpan: 1, rho: 2 } }],
    ['windwo', { windwo: 4 }],
  ])('names the field %s', (field, change) => {
    const plan = { ...preset('window', geometry), ...change };
    expect(() => parsePlan(plan, 'a test')).toThrow(expect.objectContaining({ code: 'invalid-input' }));
    expect(() => parsePlan(plan, 'a test')).toThrow(`"${field}"`);
  });

  it('refuses "selected" as not supported', () => {
    const plan = { ...preset('window', geometry), selected: { blocks: 16 } };
    expect(() => parsePlan(plan, 'a test')).toThrow(expect.objectContaining({ code: 'unsupported' }));
  });

  it('answers any JSON with a plan or an invalid-input error', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        try {
          parsePlanText(text, 'a test');
        } catch (error) {
          expect(error).toMatchObject({ name: 'AppError' });
        }
      }),
    );
    expect(() => parsePlanText('{', 'a test')).toThrow('not JSON');
  });
});

describe('canonicalPlan', () => {
  it('is equal for equal plans with keys in another order', () => {
    const plan = preset('adapted', geometry);
    const shuffled = Object.fromEntries(Object.entries(plan).reverse());
    expect(canonicalPlan(parsePlan(shuffled, 'a test'))).toBe(canonicalPlan(plan));
    expect(canonicalPlan(preset('window', geometry))).not.toBe(canonicalPlan(plan));
  });
});
