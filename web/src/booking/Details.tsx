import { useEffect, useRef, useState, type FormEvent } from 'react';
import { serverNow } from '../client/connection';
import { useStore } from '../client/store';
import { clock, dateIn, ownZone } from '../i18n/format';
import { t } from '../i18n/words';
import { useNow } from '../ui/now';
import { client } from './api';
import type { Board } from './board';
import type { Hold } from './claims';
import { HELD, type Salon } from './documents';
import type { Actions, State } from './flow';
import { Lost } from './Lost';
import { Summary } from './Summary';

interface Props {
  salon: Salon;
  board: Board;
  hold: Hold;
  state: State;
  actions: Actions;
}

/** Name and contact, while the start is held. What is typed stays when the start is lost and another one held. */
export function Details({ salon, board, hold, state, actions }: Props) {
  const [faults, setFaults] = useState<Faults>({});
  useWatchedHold(board, hold, actions.lose);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { customer, notes, faults: found } = read(new FormData(event.currentTarget));
    setFaults(found);
    const first = Object.keys(found)[0];
    if (first) event.currentTarget.querySelector<HTMLElement>(`[name=${first}]`)?.focus();
    else if (!state.lost) void actions.confirm(hold, customer, notes);
  };
  return (
    <>
      <header className="head">
        <h2 id="modal-title" tabIndex={-1} data-focus>
          {t('hold.title')}
        </h2>
        <Countdown key={hold.id} hold={hold} isOver={state.lost !== null} onEnd={() => actions.lose('expired', hold)} />
      </header>
      <div className="body">
        {state.lost && <Lost lost={state.lost} isBusy={state.isBusy} onPick={actions.pick} />}
        {state.fault && <p className="note warm" role="alert">{state.fault}</p>}
        <Summary salon={salon} what={hold} isOver={state.lost !== null} />
        <form id="details" className="details" onSubmit={submit} noValidate>
          <Field name="name" label={t('hold.name')} autoComplete="name" fault={faults.name} isRequired />
          <div className="pair">
            <Field name="email" label={t('hold.email')} type="email" autoComplete="email" fault={faults.email} />
            <Field name="phone" label={t('hold.phone')} type="tel" autoComplete="tel" />
          </div>
          <p className="quiet hint">{t('hold.contactHint')}</p>
          <label className="field">
            <span>{t('hold.notes')}</span>
            <textarea name="notes" rows={2} maxLength={2000} />
          </label>
        </form>
      </div>
      <footer className="foot">
        <button type="button" className="button text" onClick={actions.back}>
          {t('hold.back')}
        </button>
        <button type="submit" form="details" className="button" aria-disabled={state.isBusy || state.lost !== null}>
          {t(state.isBusy ? 'hold.confirming' : 'hold.confirm')}
        </button>
      </footer>
    </>
  );
}

type Faults = Partial<Record<'name' | 'email', string>>;

function read(form: FormData) {
  const text = (name: string) => String(form.get(name) ?? '').trim() || null;
  const customer = { name: text('name') ?? '', email: text('email'), phone: text('phone') };
  const faults: Faults = {};
  if (!customer.name) faults.name = t('hold.needName');
  if (!customer.email && !customer.phone) faults.email = t('hold.needContact');
  return { customer, notes: text('notes'), faults };
}

interface FieldProps {
  name: string;
  label: string;
  type?: string;
  autoComplete: string;
  fault?: string | undefined;
  isRequired?: boolean;
}

function Field({ name, label, type = 'text', autoComplete, fault, isRequired = false }: FieldProps) {
  return (
    <label className="field">
      <span>{label}</span>
      <input
        name={name}
        type={type}
        autoComplete={autoComplete}
        required={isRequired}
        maxLength={200}
        aria-invalid={fault !== undefined}
        aria-describedby={fault ? `${name}-fault` : undefined}
      />
      {fault && (
        <span id={`${name}-fault`} className="fault">
          {fault}
        </span>
      )}
    </label>
  );
}

/** How long the start is still held; a screen reader hears the minutes. */
function Countdown({ hold, isOver, onEnd }: { hold: Hold; isOver: boolean; onEnd: () => void }) {
  const left = Date.parse(hold.expiresAt) - useNow(500, serverNow);
  const hasEnded = left <= 0;
  useEffect(() => {
    if (hasEnded) onEnd();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once
  }, [hasEnded]);
  const minutes = Math.max(1, Math.ceil(left / 60_000));
  return (
    <p className={`countdown ${left < 60_000 ? 'soon' : ''}`} hidden={isOver}>
      <span aria-hidden="true">{t('hold.left', { time: clock(left) })}</span>
      <span className="hidden" role="status">
        {t('hold.leftSpoken', { count: minutes })}
      </span>
    </p>
  );
}

/** Whenever the stylist's day changes, asks whether the start is still ours. */
function useWatchedHold(board: Board, hold: Hold, onLost: Actions['lose']): void {
  const { days } = useStore(board.store);
  const date = dateIn(ownZone, hold.startUtc);
  const list = days.lists.get(`${date}/${hold.stylist.id}`);
  const seen = useRef({ hold: '', list });
  useEffect(() => {
    const isNewHold = seen.current.hold !== hold.id;
    const hasChanged = seen.current.list !== list;
    seen.current = { hold: hold.id, list };
    if (!isNewHold && hasChanged) void statusOf(hold, date).then((status) => status && onLost(status, hold));
  }, [hold, list, date, onLost]);
}

/** null: it is still held; or nobody knows, and the server will say when it is confirmed. */
async function statusOf(hold: Hold, date: string): Promise<'taken' | 'expired' | null> {
  const variables = { stylist: hold.stylist.id, service: hold.service.id, date, timezone: ownZone };
  const { data } = await client.query(HELD, variables, { requestPolicy: 'network-only' }).toPromise();
  const slot = data?.availableSlots.slots.find(({ startUtc }) => startUtc === hold.startUtc);
  if (!data || slot?.heldByYou) return null;
  return slot?.status === 'AVAILABLE' ? 'expired' : 'taken';
}
