/** A spreadsheet's number as its format shows it, where that is simple: dates, times, percentages. */
export type NumberFormat = 'general' | 'date' | 'time' | 'date and time' | 'percent';

/** built-in formats (ECMA-376, 18.8.30) */
export function formatOfId(id: number): NumberFormat {
  if (id === 9 || id === 10) return 'percent';
  if (id >= 14 && id <= 17) return 'date';
  if ((id >= 18 && id <= 21) || (id >= 45 && id <= 47)) return 'time';
  return id === 22 ? 'date and time' : 'general';
}

/** @param code such as `dd/mm/yyyy hh:mm` or `0.0%`; what is quoted, escaped or in brackets is no part of it */
export function formatOfCode(code: string): NumberFormat {
  const bare = code.replace(/"[^"]*"|\\.|\[[^\]]*\]|_.|\*./g, '').split(';', 1)[0] ?? '';
  const date = /[yd]|m{3,}/i.test(bare);
  const time = /[hs]/i.test(bare);
  if (date && time) return 'date and time';
  if (date) return 'date';
  if (time) return 'time';
  return bare.includes('%') ? 'percent' : 'general';
}

/** @param value decimal text as stored; comes back unchanged where no rule applies */
export function shownNumber(value: string, format: NumberFormat, from1904: boolean): string {
  const number = Number(value);
  if (!Number.isFinite(number)) return value;
  if (format === 'percent') return `${String(Number((number * 100).toPrecision(12)))} %`;
  // 0.1 + 0.2 is stored with 17 digits and shown with fewer
  if (format === 'general') return /[.eE]/.test(value) ? String(Number(number.toPrecision(15))) : value;
  // serial 60 is 29 February 1900, which never was: days before it count from one day later
  const epoch = from1904 ? Date.UTC(1904, 0, 1) : Date.UTC(1899, 11, number < 60 ? 31 : 30);
  const moment = new Date(epoch + Math.round(number * 86_400) * 1000);
  if (number < 0 || Number.isNaN(moment.getTime()) || moment.getUTCFullYear() > 9999) return value;
  const [day = '', time = ''] = moment.toISOString().slice(0, 19).split('T');
  if (format === 'time') return time;
  return format === 'date' ? day : `${day} ${time}`;
}
