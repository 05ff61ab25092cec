/** The hardware report as text, for an issue or a mail: English, whatever the language of the interface. */
import type { HardwareReport } from '../../shared/rpc/index.ts';

export function hardwareText(report: HardwareReport, version: string): string {
  const lines = [
    `Longleaf ${version}`,
    `platform: ${report.platform}`,
    `cpu: ${report.cpu.name}, ${report.cpu.cores} cores, ${report.cpu.features.join(' ')}`,
    `memory: ${report.memoryMB.total} MB, ${report.memoryMB.free} MB free`,
    ...report.devices.map(
      ({ name, backend, usable, reason }) =>
        `device: ${name} (${backend}): ${usable ? 'usable' : 'not usable'}${reason === null ? '' : `, ${reason}`}`,
    ),
    ...Object.entries(report.versions).map(([name, number]) => `${name}: ${number}`),
  ];
  return lines.join('\n');
}
