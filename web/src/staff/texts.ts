/** The staff view's own texts, which the booking page does not load. */
import { language, worded, type Fill, type Language } from '../i18n/words';
import type { Text } from '../i18n/en';
import { time } from '../i18n/format';
import { en, type Key } from './en';
import { ne } from './ne';

const TEXTS: Record<Language, Record<Key, Text>> = { en, ne };

export function st(key: Key, fill: Fill = {}): string {
  return worded(TEXTS[language][key], fill);
}

/** As "10:30–11:00". */
export function spanText(from: string | number, to: string | number, zone: string): string {
  return `${time(from, zone)}–${time(to, zone)}`;
}
