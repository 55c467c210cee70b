/** Dates, times and money by Intl. A date is ISO 8601, an instant ISO 8601 with Z, a zone an IANA name. */
import { locale } from './words';

export const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

// Making one costs as much as a hundred uses of it.
const formats = new Map<string, Intl.DateTimeFormat>();
const moneyFormats = new Map<string, Intl.NumberFormat>();

export function time(instant: string | number, timeZone: string): string {
  return format({ hour: 'numeric', minute: '2-digit', timeZone }).format(new Date(instant));
}

/** As "Tuesday, 1 December, 10:30". */
export function when(instant: string, timeZone: string): string {
  return format({ weekday: 'long', day: 'numeric', month: 'long', hour: 'numeric', minute: '2-digit', timeZone }).format(new Date(instant));
}

/** As "Tuesday, 1 December". */
export function longDate(date: string): string {
  return format({ weekday: 'long', day: 'numeric', month: 'long', timeZone: 'UTC' }).format(noon(date));
}

export function weekday(date: string): string {
  return format({ weekday: 'short', timeZone: 'UTC' }).format(noon(date));
}

export function dayOfMonth(date: string): string {
  return format({ day: 'numeric', timeZone: 'UTC' }).formatToParts(noon(date)).find(({ type }) => type === 'day')?.value ?? '';
}

export function month(date: string): string {
  return format({ month: 'long', year: 'numeric', timeZone: 'UTC' }).format(noon(date));
}

/** As "Nepal Time". */
export function zoneName(timeZone: string): string {
  const parts = format({ timeZone, timeZoneName: 'longGeneric' }).formatToParts(new Date());
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? timeZone;
}

/** Whether clocks in a zone show what the visitor's show, now: zones have several names. */
export function isOwnTime(timeZone: string): boolean {
  const now = Date.now();
  return when(new Date(now).toISOString(), timeZone) === when(new Date(now).toISOString(), ownZone);
}

/** Minor units as money: without decimals where there is nothing behind the point. */
export function money(cents: number, currency: string): string {
  const digits = moneyFormat(currency).resolvedOptions().maximumFractionDigits ?? 2;
  const units = cents / 10 ** digits;
  return moneyFormat(currency, Number.isInteger(units) ? 0 : digits).format(units);
}

function moneyFormat(currency: string, digits?: number): Intl.NumberFormat {
  const key = `${currency} ${digits}`;
  const bounds = digits === undefined ? {} : { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const known = moneyFormats.get(key) ?? new Intl.NumberFormat(locale, { style: 'currency', currency, ...bounds });
  moneyFormats.set(key, known);
  return known;
}

/** As "2 min ago". */
export function ago(milliseconds: number): string {
  const minutes = Math.round(milliseconds / 60_000);
  const short = new Intl.RelativeTimeFormat(locale, { style: 'short', numeric: 'always' });
  return minutes < 60 ? short.format(-minutes, 'minute') : short.format(-Math.round(minutes / 60), 'hour');
}

/** The ISO date that an instant has in a zone. */
export function dateIn(timeZone: string, instant: string | number): string {
  const parts = format({ timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }, 'en').formatToParts(new Date(instant));
  const part = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  return `${part.year}-${part.month}-${part.day}`;
}

export function addDays(date: string, days: number): string {
  const day = noon(date);
  day.setUTCDate(day.getUTCDate() + days);
  return day.toISOString().slice(0, 10);
}

export function hourIn(timeZone: string, instant: string): number {
  return Number(format({ timeZone, hour: 'numeric', hourCycle: 'h23' }, 'en').format(new Date(instant)));
}

/** As 9:05 of 545,000 ms. */
export function clock(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const two = new Intl.NumberFormat(locale, { minimumIntegerDigits: 2 });
  return `${new Intl.NumberFormat(locale).format(Math.floor(seconds / 60))}:${two.format(seconds % 60)}`;
}

function noon(date: string): Date {
  return new Date(`${date}T12:00:00Z`);
}

function format(options: Intl.DateTimeFormatOptions, tag = locale): Intl.DateTimeFormat {
  const key = `${tag} ${JSON.stringify(options)}`;
  const known = formats.get(key) ?? new Intl.DateTimeFormat(tag, options);
  formats.set(key, known);
  return known;
}
