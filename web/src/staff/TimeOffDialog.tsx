import { useId, useState, type FormEvent } from 'react';
import type { Api } from '../client/client';
import { longDate, time } from '../i18n/format';
import { Dialog } from '../ui/Dialog';
import { addTimeOff, randomUuid, type Notice } from './doing';
import type { Stylist } from './documents';
import { MINUTE, type Span } from './shape';
import { st } from './texts';
import type { View } from './view';

const STEP = 15 * MINUTE;
const USUAL = 60 * MINUTE;

interface Props {
  api: Api;
  view: View;
  stylists: readonly Stylist[];
  /** Whose and from when, if that is said already. */
  first: { stylistId: string; from: number } | null;
  /** The hours of the day; null on a day without any: then the whole day is off. */
  axis: Span | null;
  onDone: (notice: Notice, stylistId: string) => void;
  onSay: (notice: Notice) => void;
  onClose: () => void;
}

export function TimeOffDialog({ api, view, stylists, first, axis, onDone, onSay, onClose }: Props) {
  const id = useId();
  const [request] = useState(randomUuid);
  const [isWhole, setWhole] = useState(!axis);
  const [isSending, setSending] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  const [from, setFrom] = useState(first?.from ?? axis?.from ?? 0);
  const [to, setTo] = useState(Math.min(from + USUAL, axis?.to ?? Infinity));
  const zone = view.place.timezone;
  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const stylist = stylists.find((one) => one.id === form.get('stylist'));
    if (!stylist || isSending) return;
    setSending(true);
    const when = isWhole ? { date: view.date } : { startUtc: new Date(from).toISOString(), endUtc: new Date(to).toISOString() };
    const done = await addTimeOff(api, { id: request, stylist, when, reason: String(form.get('reason')).trim() || null }, onSay);
    setSending(false);
    if (typeof done === 'string') setFault(done);
    else onDone(done, stylist.id);
  };
  return (
    <Dialog labelledBy={id} onClose={onClose}>
      <form className="told" onSubmit={(event) => void onSubmit(event)}>
        <h2 id={id}>{st('off.title')}</h2>
        <p className="quiet">{longDate(view.date)}</p>
        <label className="pick">
          <span>{st('off.who')}</span>
          <select name="stylist" defaultValue={first?.stylistId}>
            {stylists.map((stylist) => (
              <option key={stylist.id} value={stylist.id}>
                {stylist.name}
              </option>
            ))}
          </select>
        </label>
        {axis && (
          <label className="check">
            <input type="checkbox" name="whole" checked={isWhole} onChange={({ target }) => setWhole(target.checked)} /> {st('off.whole')}
          </label>
        )}
        {!isWhole && axis && (
          <div className="pair">
            <Instant name="from" text={st('off.from')} value={from} among={steps({ from: axis.from, to: axis.to - STEP })} zone={zone} onChange={(next) => (setFrom(next), setTo(Math.max(to, next + STEP)))} />
            <Instant name="to" text={st('off.to')} value={to} among={steps({ from: from + STEP, to: axis.to })} zone={zone} onChange={setTo} />
          </div>
        )}
        <label className="field">
          <span>{st('common.reason')}</span>
          <input name="reason" maxLength={200} autoComplete="off" />
        </label>
        {fault && (
          <p role="alert" className="note warm">
            {fault}
          </p>
        )}
        <p className="row end">
          <button type="submit" className="button" aria-disabled={isSending}>
            {st('off.add')}
          </button>
        </p>
      </form>
    </Dialog>
  );
}

/** Choosing an instant among some: then no wall time need be turned into one. */
function Instant({ name, text, value, among, zone, onChange }: { name: string; text: string; value: number; among: number[]; zone: string; onChange: (value: number) => void }) {
  return (
    <label className="pick">
      <span>{text}</span>
      <select name={name} value={value} onChange={({ target }) => onChange(Number(target.value))}>
        {among.map((instant) => (
          <option key={instant} value={instant}>
            {time(instant, zone)}
          </option>
        ))}
      </select>
    </label>
  );
}

function steps({ from, to }: Span): number[] {
  return Array.from({ length: Math.max(1, Math.floor((to - from) / STEP) + 1) }, (_, number) => from + number * STEP);
}
