import { useEffect, useState } from 'react';
import { hourIn, longDate, money, ownZone, time } from '../i18n/format';
import { t } from '../i18n/words';
import { firstFreeAfter, type Board, type BoardState } from './board';
import { isLoaded, startsOn, type ShownStart } from './days';
import type { Salon } from './documents';
import { placeOf, type Choice } from './salon';
import { markPainted } from './timing';

interface Props {
  salon: Salon;
  choice: Choice;
  board: Board;
  state: BoardState;
  isBusy: boolean;
  onPick: (start: ShownStart) => void;
  usualPrice: number;
}

const PARTS = [
  ['choose.morning', 0, 12],
  ['choose.afternoon', 12, 17],
  ['choose.evening', 17, 24],
] as const;

/** The starts of the chosen day by its parts; what is taken meanwhile is struck out, what opens fades in. */
export function Slots({ board, state, ...rest }: Props) {
  const { date, days } = state;
  const starts = date ? startsOn(days, date) : [];
  const isThere = date !== null && isLoaded(days, date);
  useEffect(() => {
    if (isThere) markPainted('usable');
  }, [isThere]);
  if (!date || !isThere) return <Loading />;
  return (
    <section className="slots" data-date={date} aria-label={t('choose.times', { date: longDate(date) })}>
      <h3 className="slots-head">{longDate(date)}</h3>
      <Changes starts={starts} />
      {starts.length === 0 && <Nothing board={board} state={state} />}
      {PARTS.map(([name, from, to]) => {
        const part = starts.filter(({ startUtc }) => hourIn(ownZone, startUtc) >= from && hourIn(ownZone, startUtc) < to);
        return part.length ? <Part key={name} title={t(name)} starts={part} {...rest} /> : null;
      })}
    </section>
  );
}

function Part({ title, starts, ...rest }: Omit<Props, 'board' | 'state'> & { title: string; starts: ShownStart[] }) {
  return (
    <div className="part">
      <h4>{title}</h4>
      <ul className="grid">
        {starts.map((start) => (
          <li key={start.startUtc}>
            <Slot start={start} {...rest} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Slot({ start, salon, choice, isBusy, onPick, usualPrice }: Omit<Props, 'board' | 'state'> & { start: ShownStart }) {
  const isTaken = start.stylistIds.length === 0;
  const place = placeOf(salon, start.location.id);
  const own = time(start.startUtc, ownZone);
  const there = time(start.startUtc, place?.timezone ?? ownZone);
  return (
    <button
      type="button"
      className={`slot ${isTaken ? 'taken' : (start.mark ?? '')}`}
      aria-disabled={isTaken || isBusy}
      data-start={start.startUtc}
      onClick={() => !isTaken && !isBusy && onPick(start)}
    >
      {isTaken ? <s>{own}</s> : <span>{own}</span>}
      {isTaken && <span className="hidden">{t('choose.taken')}</span>}
      {there !== own && (
        <small>
          <span className="hidden">{t('choose.salonTime', { time: there })}</span>
          <span aria-hidden="true">{there}</span>
        </small>
      )}
      {place && place.id !== choice.placeId && <small>{place.name}</small>}
      {start.priceCents !== usualPrice && <small className="price">{money(start.priceCents, salon.tenant.currency)}</small>}
    </button>
  );
}

/** Tells a screen reader of the last start that came or went. */
function Changes({ starts }: { starts: ShownStart[] }) {
  const [said, setSaid] = useState('');
  const marked = starts.filter(({ mark }) => mark).map(({ startUtc, mark }) => `${startUtc} ${mark}`).join();
  useEffect(() => {
    const [startUtc, mark] = marked.split(',').at(-1)?.split(' ') ?? [];
    if (startUtc && mark) setSaid(`${time(startUtc, ownZone)}: ${t(mark === 'taken' ? 'choose.taken' : 'choose.fresh')}`);
  }, [marked]);
  return (
    <p className="hidden" aria-live="polite">
      {said}
    </p>
  );
}

function Nothing({ board, state }: { board: Board; state: BoardState }) {
  const next = firstFreeAfter(state.days, board.stylistIds, board.today, state.date ?? board.today);
  return (
    <div className="nothing">
      <p>{t('choose.none')}</p>
      {next && (
        <button type="button" className="button plain" onClick={() => board.show(next)}>
          {t('choose.next', { date: longDate(next) })}
        </button>
      )}
    </div>
  );
}

function Loading() {
  return (
    <section className="slots" aria-busy="true">
      <p className="hidden">{t('choose.loading')}</p>
      <div className="slots-head ghost" />
      <div className="grid">
        {Array.from({ length: 12 }, (_, number) => (
          <div key={number} className="slot ghost" />
        ))}
      </div>
    </section>
  );
}
