/** The lists of free starts and how they change: web/src/booking/days.ts by itself, without a browser. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { transformWithOxc } from 'vite';

process.env.TZ = 'Asia/Kathmandu'; // the visitor's zone: 1 December begins at 18:15Z of the day before
const SOURCE = new URL('../src/booking/days.ts', import.meta.url).pathname;
const { code } = await transformWithOxc(readFileSync(SOURCE, 'utf8'), SOURCE, { tsconfig: false });
const { NO_DAYS, countOn, freshnessOn, isLoaded, isOlder, nearest, startsOn, withChange, withLists, withMonth } = await import(
  `data:text/javascript,${encodeURIComponent(code)}`
);

const DATE = '2026-12-01';
const [TEN, ELEVEN, NOON] = ['2026-12-01T04:15:00Z', '2026-12-01T05:15:00Z', '2026-12-01T06:15:00Z'];
const start = (startUtc, priceCents = 100) => ({ startUtc, endUtc: startUtc, priceCents, location: { id: 'here' } });
const fresh = (version, more) => ({ version, verified: true, ageSeconds: 0, source: 'MEMORY', hit: true, ...more });
const answered = (id, starts, version = '1', date = DATE) => ({ id, days: [{ date, slots: starts.map((one) => start(one)), cache: fresh(version) }] });
const change = ({ opened = [], closed = [], snapshot = false, id = 'asha', version = '2' }) => ({
  snapshot,
  opened: opened.map((one) => start(one)),
  closed,
  availability: { date: DATE, stylist: { id }, cache: fresh(version) },
});
const taken = (startUtc, heldByYou = false) => ({ startUtc, heldByYou });
const shown = (days) => startsOn(days, DATE).map(({ startUtc, stylistIds, mark }) => [startUtc, stylistIds.join(), mark]);
const both = ['asha', 'bina'];
const ASHA = withLists(NO_DAYS, [answered('asha', [TEN, ELEVEN])]);
const BOTH = withLists(ASHA, [answered('bina', [ELEVEN, NOON])]);

test('a start that two have is shown once and counted once', () => {
  assert.deepEqual(shown(BOTH), [[TEN, 'asha', undefined], [ELEVEN, 'asha,bina', undefined], [NOON, 'bina', undefined]]);
  assert.equal(countOn(BOTH, DATE, both), 3);
  assert.equal(countOn(BOTH, DATE, ['bina']), 2);
});

test('the month’s minutes and the lists’ starts are the same starts', () => {
  const month = [{ id: 'bina', month: [{ date: DATE, freeStarts: [660, 720] }, { date: '2026-12-02', freeStarts: [] }] }];

  assert.equal(countOn(withMonth(ASHA, month), DATE, both), 3);
  assert.equal(countOn(withMonth(NO_DAYS, month), '2026-12-02', both), 0);
  assert.equal(countOn(NO_DAYS, DATE, both), undefined);
  assert.equal(isLoaded(withMonth(NO_DAYS, month), DATE), false);
});

test('what somebody takes is struck out and no longer counted; what opens is fresh', () => {
  const days = withChange(ASHA, change({ closed: [taken(TEN)], opened: [NOON] }));

  assert.deepEqual(shown(days), [[TEN, '', 'taken'], [ELEVEN, 'asha', undefined], [NOON, 'asha', 'fresh']]);
  assert.equal(countOn(days, DATE, both), 2);
  assert.deepEqual(shown(withChange(days, change({ opened: [TEN], version: '3' })))[0], [TEN, 'asha', 'fresh']);
});

test('what is taken of one is still to be had of the other', () => {
  assert.deepEqual(shown(withChange(BOTH, change({ closed: [taken(ELEVEN)] })))[1], [ELEVEN, 'bina', undefined]);
});

test('what one holds oneself is not struck out: it is gone', () => {
  assert.deepEqual(shown(withChange(ASHA, change({ closed: [taken(TEN, true)] }))), [[ELEVEN, 'asha', undefined]]);
});

test('a snapshot replaces what was known, and says what differs', () => {
  const days = withChange(ASHA, change({ snapshot: true, opened: [ELEVEN, NOON] }));

  assert.deepEqual(shown(days), [[TEN, '', 'taken'], [ELEVEN, 'asha', undefined], [NOON, 'asha', 'fresh']]);
  assert.deepEqual(shown(withChange(NO_DAYS, change({ snapshot: true, opened: [TEN] }))), [[TEN, 'asha', undefined]]);
});

test('an answer that a change overtook is dropped', () => {
  const days = withChange(ASHA, change({ closed: [taken(TEN)], version: '1.10' }));

  assert.equal(countOn(withLists(days, [answered('asha', [TEN, ELEVEN], '1.9')]), DATE, both), 1);
  assert.equal(countOn(withLists(days, [answered('asha', [TEN, ELEVEN], '1.10')]), DATE, both), 2);
});

test('versions are compared number by number', () => {
  for (const [older, newer] of [['9', '10'], ['1.9', '1.10'], ['1.2', '1.3'], ['3.9', '4.0']]) {
    assert.deepEqual([isOlder(older, newer), isOlder(newer, older), isOlder(newer, newer)], [true, false, false]);
  }
});

test('the lower price of those who are free is shown', () => {
  const dear = { id: 'asha', days: [{ date: DATE, slots: [start(TEN, 300)], cache: fresh('1') }] };

  assert.equal(startsOn(withLists(NO_DAYS, [dear, answered('bina', [TEN])]), DATE)[0].priceCents, 100);
});

test('the nearest free starts are of all days known, by time', () => {
  const days = withLists(withChange(BOTH, change({ closed: [taken(TEN)] })), [answered('bina', ['2026-12-02T04:15:00Z'], '1', '2026-12-02')]);

  assert.deepEqual(nearest(days, TEN, 3).map(({ startUtc }) => startUtc), [ELEVEN, NOON, '2026-12-02T04:15:00Z']);
  assert.deepEqual(nearest(days, NOON, 1).map(({ startUtc }) => startUtc), [NOON]);
});

test('a date is as fresh as its least fresh list', () => {
  const stale = { id: 'bina', days: [{ date: DATE, slots: [], cache: fresh('7', { verified: false }) }] };

  assert.equal(freshnessOn(withLists(ASHA, [stale]), DATE).version, '7');
});
