import { useState } from 'react';
import { money, ownZone, when } from '../i18n/format';
import { t } from '../i18n/words';
import type { Booking } from './claims';
import type { Salon } from './documents';
import type { Actions, State } from './flow';
import { Summary } from './Summary';

interface Props {
  salon: Salon;
  booking: Booking;
  state: State;
  actions: Actions;
  onClose: () => void;
}

const TITLES = { booked: 'booked.title', moved: 'booked.moved', cancelled: 'booked.cancelled', seen: 'booked.title' } as const;

/** A booking of this browser's: made, moved, cancelled, or looked at. */
export function Booked({ salon, booking, state, actions, onClose }: Props) {
  const isOver = booking.status !== 'CONFIRMED';
  return (
    <>
      <header className="head centred">
        <Sign isOver={isOver} />
        <h2 id="modal-title" tabIndex={-1} data-focus>
          {t(isOver ? 'booked.cancelled' : TITLES[state.outcome])}
        </h2>
      </header>
      <div className="body">
        {state.fault && <p className="note warm" role="alert">{state.fault}</p>}
        <Summary salon={salon} what={booking} isOver={isOver} />
        {booking.paymentRequired && booking.paymentUrl && !isOver && (
          <a className="button" href={booking.paymentUrl}>
            {t('booked.pay', { price: money(booking.priceCents, salon.tenant.currency) })}
          </a>
        )}
      </div>
      <footer className="foot">
        {isOver ? (
          <button type="button" className="button plain" onClick={actions.again}>
            {t('booked.again')}
          </button>
        ) : (
          <Changing booking={booking} state={state} actions={actions} />
        )}
        <button type="button" className="button" onClick={onClose}>
          {t('booked.done')}
        </button>
      </footer>
    </>
  );
}

/** Move, and cancel, which is asked twice. */
function Changing({ booking, state, actions }: Pick<Props, 'booking' | 'state' | 'actions'>) {
  const [isAsking, setAsking] = useState(false);
  if (!isAsking) {
    return (
      <>
        <button type="button" className="button text" onClick={() => setAsking(true)}>
          {t('booked.cancel')}
        </button>
        <button type="button" className="button plain" onClick={actions.startMoving}>
          {t('booked.move')}
        </button>
      </>
    );
  }
  return (
    <div className="asking" role="group" aria-label={t('booked.reallyCancel')}>
      <p>{t('booked.reallyCancel')}</p>
      <button type="button" className="button text" onClick={() => setAsking(false)}>
        {t('booked.keep')}
      </button>
      <button type="button" className="button grave" aria-disabled={state.isBusy} autoFocus onClick={() => void actions.cancel(booking)}>
        {t('booked.cancel')}
      </button>
    </div>
  );
}

export function Move({ salon, booking, state, actions }: Omit<Props, 'onClose'>) {
  const { wanted } = state;
  if (!wanted) return null;
  return (
    <>
      <header className="head">
        <h2 id="modal-title" tabIndex={-1} data-focus>
          {t('move.title')}
        </h2>
      </header>
      <div className="body">
        {state.fault && <p className="note warm" role="alert">{state.fault}</p>}
        <p className="from-to">
          <s>{when(booking.startUtc, ownZone)}</s>
          <strong>{when(wanted.startUtc, ownZone)}</strong>
        </p>
        <Summary salon={salon} what={{ ...booking, startUtc: wanted.startUtc, endUtc: wanted.endUtc }} />
      </div>
      <footer className="foot">
        <button type="button" className="button text" onClick={actions.back}>
          {t('hold.back')}
        </button>
        <button type="button" className="button" aria-disabled={state.isBusy} onClick={() => void actions.move(booking, wanted)}>
          {t('move.confirm')}
        </button>
      </footer>
    </>
  );
}

function Sign({ isOver }: { isOver: boolean }) {
  return (
    <svg className={`sign ${isOver ? 'over' : ''}`} viewBox="0 0 48 48" aria-hidden="true">
      <circle cx="24" cy="24" r="22" />
      <path d={isOver ? 'M16 24h16' : 'M15 25l6.5 6.5L34 18'} />
    </svg>
  );
}
