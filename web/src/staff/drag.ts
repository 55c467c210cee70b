/** Dragging by mouse or pen: the card follows, and says over what. Fingers scroll; they move a booking by its dialog. */
import type { PointerEvent as ReactPointerEvent } from 'react';

/** A hand that only clicks may tremble so much. */
const SLACK_PX = 6;
const EDGE_PX = 48;
const SCROLL_PX = 10;

export interface Dragging {
  onPick: () => void;
  /** x: of the pointer; y: of the card's upper edge. Both of the window. */
  onOver: (x: number, y: number) => void;
  onDrop: () => void;
  onCancel: () => void;
}

export function drag(event: ReactPointerEvent<HTMLElement>, board: HTMLElement, dragging: Dragging): void {
  if (event.button !== 0 || event.pointerType === 'touch') return;
  const card = event.currentTarget;
  const from = { x: event.clientX, y: event.clientY, left: board.scrollLeft, top: board.scrollTop };
  const grabbed = event.clientY - card.getBoundingClientRect().top;
  const at = { x: from.x, y: from.y };
  const listening = new AbortController();
  let frame = 0;

  const follow = () => {
    scroll(board, at);
    card.style.translate = `${at.x - from.x + board.scrollLeft - from.left}px ${at.y - from.y + board.scrollTop - from.top}px`;
    dragging.onOver(at.x, at.y - grabbed);
    frame = requestAnimationFrame(follow);
  };
  const onMove = ({ clientX, clientY }: PointerEvent) => {
    Object.assign(at, { x: clientX, y: clientY });
    if (frame || Math.hypot(at.x - from.x, at.y - from.y) < SLACK_PX) return;
    dragging.onPick();
    follow();
  };
  const end = (isDropped: boolean) => {
    listening.abort();
    if (!frame) return;
    cancelAnimationFrame(frame);
    card.style.translate = '';
    swallowClick();
    if (isDropped) dragging.onDrop();
    else dragging.onCancel();
  };
  const { signal } = listening;
  window.addEventListener('pointermove', onMove, { signal });
  window.addEventListener('pointerup', () => end(true), { signal });
  window.addEventListener('pointercancel', () => end(false), { signal });
  window.addEventListener('keydown', ({ key }) => key === 'Escape' && end(false), { signal });
}

function scroll(board: HTMLElement, at: { x: number; y: number }): void {
  const { left, right, top, bottom } = board.getBoundingClientRect();
  const towards = (place: number, first: number, last: number) => (place < first + EDGE_PX ? -SCROLL_PX : place > last - EDGE_PX ? SCROLL_PX : 0);
  board.scrollBy({ left: towards(at.x, left, right), top: towards(at.y, top, bottom), behavior: 'instant' });
}

/** What the browser makes of the button that went up is no click. */
function swallowClick(): void {
  const swallow = (event: Event) => (event.stopPropagation(), event.preventDefault());
  window.addEventListener('click', swallow, { capture: true, once: true });
  setTimeout(() => window.removeEventListener('click', swallow, { capture: true }));
}
