import { useEffect, useRef } from 'react';
import { dayOfMonth, longDate, month, weekday } from '../i18n/format';
import { t } from '../i18n/words';
import { Arrow } from '../ui/Arrow';
import { strip as dates, type Board, type BoardState } from './board';
import { countOn } from './days';

/** Four weeks to choose a day from, each with how many starts are free. */
export function DayStrip({ board, state, onChoose }: { board: Board; state: BoardState; onChoose: (date: string) => void }) {
  const strip = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const chosen = strip.current?.querySelector<HTMLElement>('input:checked')?.parentElement;
    if (chosen && strip.current) strip.current.scrollLeft = chosen.offsetLeft - strip.current.clientWidth / 2 + chosen.clientWidth / 2;
  }, [state.date]);
  const scroll = (pages: number) => {
    const way = document.documentElement.dir === 'rtl' ? -pages : pages;
    strip.current?.scrollBy({ left: way * strip.current.clientWidth * 0.8, behavior: 'smooth' });
  };
  return (
    <fieldset className="strip">
      <legend className="hidden">{t('choose.day')}</legend>
      <div className="strip-head">
        <span className="month">{month(state.date ?? board.today)}</span>
        <Arrow isBack label={t('choose.earlier')} onClick={() => scroll(-1)} />
        <Arrow label={t('choose.later')} onClick={() => scroll(1)} />
      </div>
      <div className="days" ref={strip}>
        {dates(board.today).map((date) => (
          <Day key={date} date={date} count={countOn(state.days, date, board.stylistIds)} isChosen={date === state.date} onChoose={onChoose} />
        ))}
      </div>
    </fieldset>
  );
}

interface DayProps {
  date: string;
  count: number | undefined;
  isChosen: boolean;
  onChoose: (date: string) => void;
}

function Day({ date, count, isChosen, onChoose }: DayProps) {
  return (
    <label className={`day ${count === 0 ? 'none' : ''}`}>
      <input type="radio" className="hidden" name="day" value={date} checked={isChosen} onChange={() => onChoose(date)} />
      <span className="face">
        <span className="hidden">{longDate(date)}</span>
        <span aria-hidden="true" className="weekday">
          {weekday(date)}
        </span>
        <span aria-hidden="true" className="number">
          {dayOfMonth(date)}
        </span>
        <span className="count">{count === undefined ? '…' : count ? t('choose.free', { count }) : <NoneFree />}</span>
      </span>
    </label>
  );
}

function NoneFree() {
  return (
    <>
      <span aria-hidden="true">–</span>
      <span className="hidden">{t('choose.full')}</span>
    </>
  );
}
