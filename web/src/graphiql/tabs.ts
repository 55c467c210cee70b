/** The tabs of a first visit: the booking page's own documents, in the order in which it asks them, and a word about each. */
import { print, type DocumentNode } from 'graphql';
import { CANCEL, CONFIRM, MINE, MOVE, PLACE_HOLD } from '../booking/claims';
import { CHANGES, DAYS, OPENING, SALON } from '../booking/documents';

/** The values that make them run as they stand. */
export interface Facts {
  stylist: string;
  service: string;
  timezone: string;
  from: string;
  near: string;
  to: string;
  start: string;
  laterStart: string;
}

interface Tab {
  query: string;
  variables: string;
}

const WORDS: [unknown, string][] = [
  [SALON, 'What the booking page asks first: the salon, its services and people.\nRun it: Ctrl+Enter. Headers (below) say who asks: X-Session-Id owns what it\nmakes, X-Tenant chooses the business, Authorization takes "Bearer TOKEN".'],
  [OPENING, 'What it asks when it opens: how many starts are free on each day of four\nweeks, and the first days themselves.'],
  [DAYS, 'A day and its neighbours, and how fresh the answer is. Run it again and\nsee `hit`. Copy a startUtc into the variables of the next tab.'],
  [PLACE_HOLD, 'Holds a start for ten minutes. Run it in a second window with another\nX-Session-Id and see SlotTaken with the nearest free starts.'],
  [CONFIRM, 'Makes the hold a booking: put its id in.'],
  [CHANGES, 'Live: a snapshot of each day, then what opens and closes. Hold or cancel\nin a second window. Stop, put the last cursor into sinceVersion, and run\nagain: only what is new comes.'],
  [MINE, 'The bookings of your X-Session-Id; the booking page has the same one.'],
  [MOVE, 'Moves a booking: the old time is freed only if the new one is got.'],
  [CANCEL, 'Cancels a booking. Run it twice and see AlreadyEnded.'],
];

export function tabs(facts: Facts): Tab[] {
  const { stylist, service, timezone, from, near, to, start, laterStart } = facts;
  const days = { stylists: [stylist], service, from, to: near, timezone };
  const variables: unknown[] = [
    {},
    { ...days, to, near: from, nearTo: near },
    days,
    { input: { stylistId: stylist, serviceId: service, startUtc: start } },
    { input: { holdId: '<hold id>', customer: { name: 'Asha', email: 'asha@example.com' } } },
    { ...days, sinceVersion: null },
    { from, to },
    { input: { bookingId: '<booking id>', startUtc: laterStart } },
    { booking: '<booking id>' },
  ];
  return WORDS.map(([document, words], place) => ({
    query: `${words.replace(/^/gm, '# ')}\n${print(document as DocumentNode)}\n`,
    variables: JSON.stringify(variables[place], null, 2),
  }));
}
