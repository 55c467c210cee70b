/** The words, dates and money of the visitor's language. */
import { en, type Key, type Text } from './en';
import { ne } from './ne';

export const LANGUAGES = { en: 'English', ne: 'नेपाली' } as const;
export type Language = keyof typeof LANGUAGES;

const TEXTS: Record<Language, Record<Key, Text>> = { en, ne };
const KEY = 'chairtime:language';

export type Fill = Record<string, string | number>;

export const language: Language = chosen();
/** The visitor's own regional form of it, as en-GB, so that dates and times look as they are used to. */
export const locale = written(navigator.languages.find((one) => one.split('-')[0] === language) ?? language);

const plurals = new Intl.PluralRules(locale);
const numbers = new Intl.NumberFormat(locale);

/** Marks the document with the language and the direction in which it is written. */
export function markDocument(title: string): void {
  document.documentElement.lang = language;
  document.documentElement.dir = direction(language);
  document.title = title;
}

export function direction(tag: string): 'ltr' | 'rtl' {
  return /^(ar|dv|fa|he|ks|ps|sd|ug|ur|yi)\b/.test(tag) ? 'rtl' : 'ltr';
}

/** The text, filled in; one that depends on a number takes its form by `count`. */
export function t(key: Key, fill: Fill = {}): string {
  return worded(TEXTS[language][key], fill);
}

/** The same of a text that is not among the shared ones. */
export function worded(text: Text, fill: Fill): string {
  const form = typeof text === 'string' ? text : (text[plurals.select(Number(fill.count ?? 0))] ?? text.other ?? '');
  return form.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = fill[name];
    return value === undefined ? whole : typeof value === 'number' ? numbers.format(value) : value;
  });
}

export function choose(next: Language): void {
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // storage is forbidden: the address says it
  }
  const url = new URL(window.location.href);
  url.searchParams.set('lang', next);
  window.location.assign(url);
}

/** Chromium leaves Nepali out of its Intl; Hindi with the same digits is what a Nepali reader reads most easily instead. */
function written(tag: string): string {
  return Intl.DateTimeFormat.supportedLocalesOf(tag).length || !tag.startsWith('ne') ? tag : 'hi-u-nu-deva';
}

function chosen(): Language {
  const asked = [new URLSearchParams(window.location.search).get('lang'), stored(), ...navigator.languages];
  return asked.map((one) => one?.split('-')[0]).find(isKnown) ?? 'en';
}

function isKnown(tag: string | undefined): tag is Language {
  return tag !== undefined && tag in LANGUAGES;
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
