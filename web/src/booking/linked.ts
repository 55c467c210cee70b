/** What the address opens: #book=SERVICE. Both requests that its starts need begin before React has rendered what comes of them. */
import { client } from './api';
import { createBoard, type Board } from './board';
import { SALON, type Salon } from './documents';
import { asked, firstChoice, serviceOf, type Choice } from './salon';

/** By service, the boards that were asked for ahead. */
export type Boards = Map<string, Board>;

export function linkedChoice(salon: Salon): Choice | null {
  const [, id = ''] = /^#book=(.+)$/.exec(window.location.hash) ?? [];
  return serviceOf(salon, id) ? firstChoice(salon, id) : null;
}

/** Asks for the salon, which the page then finds answered or under way, and as soon as it is there for the days of what is linked. */
export function askAhead(): Boards {
  const boards: Boards = new Map();
  client.query(SALON, {}).subscribe(({ data: salon }) => {
    const choice = salon && linkedChoice(salon);
    if (choice && !boards.has(choice.serviceId)) boards.set(choice.serviceId, createBoard(client, choice.serviceId, asked(salon, choice)));
  });
  return boards;
}
