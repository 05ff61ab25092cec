/**
 * The reference backend. Its operations, each in a file of its own, are the twins of other backends' kernels: those
 * tests import the files.
 */
export { createReferenceRuntime } from './reference-runtime.ts';
