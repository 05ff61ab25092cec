import { createReferenceRuntime } from './reference-runtime.ts';
import { describeRuntimeConformance } from '../testing/runtime-conformance.ts';

describeRuntimeConformance('reference', createReferenceRuntime);
