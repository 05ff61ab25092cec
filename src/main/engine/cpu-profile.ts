/** `profileForward` of the cpu backend, for `bench profile`; its code is loaded when it is asked for. */
import type { GgufFile } from '../formats/index.ts';
import type { ForwardProfile } from './cpu/profile.ts';

export async function cpuProfile(
  gguf: GgufFile,
  plan: string,
  lengths: { readonly rows: number; readonly tokens: number },
): Promise<ForwardProfile> {
  const { profileForward } = await import('./cpu/profile.ts');
  return profileForward(gguf, plan, lengths);
}
