/** The native cache on every instruction set of this machine, against the reference. */
import { loadNative } from '../../../../native/index.ts';
import { describeAttentionConformance } from '../testing/attention-conformance.ts';
import { bounds } from '../testing/nmse.ts';

const native = loadNative();

describeAttentionConformance(
  'native, f32 storage',
  (spec) => native.createCache({ ...spec, storage: 'f32' }),
  { bound: bounds.f32 },
);

for (const simd of native.available) {
  describeAttentionConformance(
    `native ${simd}, bf16 storage`,
    (spec) => native.createCache({ ...spec, storage: 'bf16', simd }),
    { bound: bounds.reduced },
  );
  // 80: whole tiles of 32 and 16 dimensions and a rest
  describeAttentionConformance(
    `native ${simd}, capped scores, heads of 80`,
    (spec) => native.createCache({ ...spec, storage: 'bf16', simd }),
    { bound: bounds.reduced, headDim: 80, tokens: 100, softCap: 2 },
  );
}
