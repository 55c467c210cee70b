import { connection } from '../client/connection';
import { useStore } from '../client/store';
import { addDays, longDate } from '../i18n/format';
import { LANGUAGES, choose, language, type Language } from '../i18n/words';
import { Arrow } from '../ui/Arrow';
import type { Salon, Stylist } from './documents';
import { st } from './texts';
import { signOut } from './token';
import { todayAt, type View } from './view';

interface Props {
  salon: Salon;
  view: View;
  stylists: readonly Stylist[];
  onView: (part: Partial<View>) => void;
  onTimeOff: () => void;
}

export function Toolbar({ salon, view, stylists, onView, onTimeOff }: Props) {
  const given = new Set(stylists.flatMap(({ services }) => services.map(({ service }) => service.id)));
  return (
    <header className="toolbar">
      <div className="row who">
        <strong className="brand">{salon.setup.tenant.name}</strong>
        <Live />
        <nav aria-label={LANGUAGES[language]} className="row">
          {(Object.keys(LANGUAGES) as Language[]).map((one) => (
            <button key={one} type="button" lang={one} aria-pressed={one === language} className="small" onClick={() => choose(one)}>
              {LANGUAGES[one]}
            </button>
          ))}
          <button type="button" className="small" onClick={() => signOut()}>
            {st('sign.out')}
          </button>
        </nav>
      </div>
      <div className="row">
        <h1 aria-live="polite">{longDate(view.date)}</h1>
        <div className="row days">
          <Arrow isBack label={st('day.before')} onClick={() => onView({ date: addDays(view.date, -1) })} />
          <button type="button" className="button plain" onClick={() => onView({ date: todayAt(view.place) })}>
            {st('day.today')}
          </button>
          <Arrow label={st('day.after')} onClick={() => onView({ date: addDays(view.date, 1) })} />
        </div>
        <label className="pick">
          <span>{st('day.place')}</span>
          <select value={view.place.id} onChange={({ target }) => onView({ place: salon.locations.find(({ id }) => id === target.value) ?? view.place })}>
            {salon.locations.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label className="pick">
          <span>{st('day.service')}</span>
          <select value={view.serviceId} onChange={({ target }) => onView({ serviceId: target.value })}>
            {salon.services
              .filter(({ id }) => given.has(id) || id === view.serviceId)
              .map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
          </select>
        </label>
        <button type="button" className="button plain off" onClick={onTimeOff}>
          {st('off.add')}
        </button>
      </div>
    </header>
  );
}

function Live() {
  const { online, live } = useStore(connection);
  const kind = live ? 'live' : online ? 'waiting' : 'offline';
  return (
    <span className={`state ${kind}`} role="status">
      <span className="dot" aria-hidden="true" />
      {st(`day.${kind}`)}
    </span>
  );
}
