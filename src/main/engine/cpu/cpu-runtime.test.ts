import { loadNative } from '../../../../native/index.ts';
import { describeRuntimeAgreement, describeRuntimeConformance } from '../testing/runtime-conformance.ts';
import { CpuRuntime, createCpuRuntime } from './index.ts';

describeRuntimeAgreement('cpu', createCpuRuntime);
describeRuntimeConformance('cpu', createCpuRuntime);
describeRuntimeConformance('cpu with f32 keys and values', (gguf) =>
  CpuRuntime.open(gguf, { native: loadNative(), storage: 'f32' }),
);
