import { useEffect, useMemo, useRef } from 'react';
import { connection } from '../client/connection';
import { useStore } from '../client/store';
import { client } from './api';
import { createBoard, type Board } from './board';
import type { Salon } from './documents';
import { asked, type Choice } from './salon';

/** The board of a choice, for as long as it is chosen: it keeps the day of the one before. Asked again when the network is back. */
export function useBoard(salon: Salon, choice: Choice, warm: Board | null): Board {
  const ids = asked(salon, choice).join();
  const before = useRef<Board | null>(null);
  const board = useMemo(() => {
    if (!before.current && warm?.stylistIds.join() === ids && warm.serviceId === choice.serviceId) return warm;
    return createBoard(client, choice.serviceId, asked(salon, choice), before.current?.store.get().date);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- of the choice only who and what count
  }, [choice.serviceId, ids]);
  useEffect(() => {
    before.current = board;
    board.open();
    return board.close;
  }, [board]);
  const { online } = useStore(connection);
  const wasOnline = useRef(online);
  useEffect(() => {
    if (online && !wasOnline.current) void board.reload();
    wasOnline.current = online;
  }, [board, online]);
  return board;
}
