import { useEffect, useRef, useState } from 'react';
import { Dialog } from '../ui/Dialog';
import type { Board } from './board';
import { Booked, Move } from './Booked';
import { ChooseTime } from './ChooseTime';
import { Details } from './Details';
import type { Booking } from './claims';
import type { Salon } from './documents';
import { release, useFlow } from './flow';
import { useBoard } from './hooks';
import type { Choice } from './salon';
import './modal.css';

interface Props {
  salon: Salon;
  first: Choice;
  /** The board of the first choice, if it was asked for ahead. */
  warm: Board | null;
  shown: Booking | null;
  onChoice: (choice: Choice) => void;
  onClose: () => void;
}

/** From a choice to a booking, and what can be done with it. */
export function Modal({ salon, first, warm, shown, onChoice, onClose }: Props) {
  const [choice, setChoice] = useState(first);
  const board = useBoard(salon, choice, warm);
  const { state, actions } = useFlow(board, choice.serviceId, shown);
  const sheet = useRef<HTMLDivElement>(null);
  useEffect(() => sheet.current?.querySelector<HTMLElement>('[data-focus]')?.focus(), [state.step]);
  const close = () => {
    if (state.hold) release(state.hold);
    onClose();
  };
  const change = (next: Choice) => (setChoice(next), actions.forget(), onChoice(next));
  const { step, booking, hold } = state;
  return (
    <Dialog labelledBy="modal-title" onClose={close}>
      <div ref={sheet} className={`modal ${step}`}>
        {step === 'choose' && (
          <ChooseTime
            salon={salon}
            choice={choice}
            board={board}
            moving={booking}
            lost={state.lost}
            fault={state.fault}
            isBusy={state.isBusy}
            onChoice={change}
            onPick={booking ? actions.choose : (start) => void actions.pick(start)}
          />
        )}
        {step === 'details' && hold && <Details salon={salon} board={board} hold={hold} state={state} actions={actions} />}
        {step === 'move' && booking && <Move salon={salon} booking={booking} state={state} actions={actions} />}
        {step === 'booked' && booking && <Booked salon={salon} booking={booking} state={state} actions={actions} onClose={close} />}
      </div>
    </Dialog>
  );
}
