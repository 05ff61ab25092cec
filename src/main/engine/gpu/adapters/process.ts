/** Prints an AdapterList as JSON: the part of `listAdapters` that drivers run in. */
import { AppError } from '../../../../shared/errors.ts';
import type { AdapterList, AdapterReport } from '../adapters.ts';
import { adapterNames, requestAdapter } from '../dawn.ts';
import { parseCardName } from '../identical-cards.ts';
import { fixedSubgroupSize } from '../subgroup-test.ts';

const usedFeatures = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix', 'timestamp-query'];

async function list(): Promise<AdapterList> {
  try {
    const adapters: AdapterReport[] = [];
    for (const name of await adapterNames()) adapters.push(await report(name));
    // without any, this says why
    if (adapters.length === 0) await requestAdapter();
    return { adapters, problem: null };
  } catch (error) {
    const hint = error instanceof AppError ? (error.hint ?? '') : '';
    return {
      adapters: [],
      problem: `${error instanceof Error ? error.message : String(error)} ${hint}`.trim(),
    };
  }
}

async function report(name: string): Promise<AdapterReport> {
  // identical cards offer the same, and to see one alone would hide the others from this process
  const { info, features, limits } = await requestAdapter(parseCardName(name).name);
  return {
    name,
    driver: info.description,
    software: info.isFallbackAdapter,
    features: usedFeatures.filter((feature) => features.has(feature)),
    subgroupSize: features.has('subgroups') ? fixedSubgroupSize(info) : null,
    largestBinding: Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize),
  };
}

process.stdout.write(JSON.stringify(await list()));
