/** One stop of the Tab key for the whole board; the arrow keys move in it as the eye does. */
import { useEffect, type FocusEvent, type KeyboardEvent, type RefObject } from 'react';

const STOPS = 'button[data-stop]';

export function useArrowKeys(board: RefObject<HTMLElement | null>) {
  useEffect(() => {
    if (board.current && !board.current.querySelector(`${STOPS}[tabindex="0"]`)) board.current.querySelector<HTMLElement>(STOPS)?.setAttribute('tabindex', '0');
  });
  const onFocus = (event: FocusEvent<HTMLElement>) => {
    if (!event.target.matches(STOPS)) return;
    stopsIn(event.currentTarget).forEach((stop) => stop.setAttribute('tabindex', stop === event.target ? '0' : '-1'));
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const from = event.target as HTMLElement;
    const to = from.matches(STOPS) ? next(event.currentTarget, from, event.key) : undefined;
    if (!to) return;
    event.preventDefault();
    to.focus();
    to.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  };
  return { onFocus, onKeyDown };
}

function next(board: HTMLElement, from: HTMLElement, key: string): HTMLElement | undefined {
  const columns = [...board.querySelectorAll<HTMLElement>('.column')].filter((one) => stopsIn(one).length);
  const here = columns.findIndex((one) => one.contains(from));
  const stops = columns[here] ? stopsIn(columns[here]) : [];
  const place = stops.indexOf(from);
  const forward = getComputedStyle(board).direction === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
  if (key === 'ArrowDown') return stops[place + 1];
  if (key === 'ArrowUp') return stops[place - 1];
  if (key === 'Home') return stops[0];
  if (key === 'End') return stops.at(-1);
  if (key !== 'ArrowLeft' && key !== 'ArrowRight') return undefined;
  const column = columns[here + (key === forward ? 1 : -1)];
  return column && nearest(stopsIn(column), from);
}

/** The one as high, of the same kind where there is one. */
function nearest(stops: readonly HTMLElement[], from: HTMLElement): HTMLElement | undefined {
  const kind = (one: HTMLElement) => one.dataset.stop !== from.dataset.stop;
  const away = (one: HTMLElement) => Math.abs(one.getBoundingClientRect().top - from.getBoundingClientRect().top) + (kind(one) ? 40 : 0);
  return [...stops].sort((one, other) => away(one) - away(other))[0];
}

function stopsIn(element: HTMLElement): HTMLElement[] {
  return [...element.querySelectorAll<HTMLElement>(STOPS)];
}
