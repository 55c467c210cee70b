import { useStore } from '../client/store';
import { isOwnTime, money, ownZone, when, zoneName } from '../i18n/format';
import { t } from '../i18n/words';
import { Choices } from '../ui/Choices';
import { Badge } from './Badge';
import type { Board } from './board';
import type { Booking } from './claims';
import { DayStrip } from './DayStrip';
import { freshnessOn } from './days';
import type { Salon } from './documents';
import type { Lost as LostStart, Near } from './flow';
import { Lost } from './Lost';
import { offerOf, placeOf, placesFor, serviceOf, stylistsFor, withService, type Choice } from './salon';
import { Slots } from './Slots';

interface Props {
  salon: Salon;
  choice: Choice;
  board: Board;
  moving: Booking | null;
  lost: LostStart | null;
  fault: string | null;
  isBusy: boolean;
  onChoice: (choice: Choice) => void;
  onPick: (start: Near) => void;
}

/** Service, place, stylist, day and time. */
export function ChooseTime({ salon, choice, board, moving, lost, fault, isBusy, onChoice, onPick }: Props) {
  const state = useStore(board.store);
  const place = placeOf(salon, choice.placeId);
  const offer = offerOf(salon, choice.serviceId, choice.placeId);
  return (
    <>
      <header className="head">
        <h2 id="modal-title">{moving ? t('choose.title') : serviceOf(salon, choice.serviceId)?.name}</h2>
        <p className="facts">
          <span>{t('choose.duration', { minutes: offer.minutes })}</span>
          <span>{t('choose.from', { price: money(offer.priceCents, salon.tenant.currency) })}</span>
          <Badge fresh={state.date ? freshnessOn(state.days, state.date) : undefined} />
        </p>
      </header>
      <div className="body">
        {moving && <p className="note">{t('choose.moving', { when: when(moving.startUtc, ownZone) })}</p>}
        {fault && <p className="note warm" role="alert">{fault}</p>}
        {lost && <Lost lost={lost} isBusy={isBusy} onPick={onPick} />}
        <Options salon={salon} choice={choice} moving={moving} onChoice={onChoice} />
        <DayStrip board={board} state={state} onChoose={board.show} />
        {place && <ZoneNote timezone={place.timezone} />}
        {state.failed && state.date === null ? (
          <Unreachable board={board} />
        ) : (
          <Slots salon={salon} choice={choice} board={board} state={state} isBusy={isBusy} onPick={onPick} usualPrice={offer.priceCents} />
        )}
      </div>
    </>
  );
}

function Options({ salon, choice, moving, onChoice }: Pick<Props, 'salon' | 'choice' | 'moving' | 'onChoice'>) {
  const places = placesFor(salon, choice.serviceId).map(({ id, name }) => ({ value: id, label: name }));
  const stylists = stylistsFor(salon, choice).map(({ id, name }) => ({ value: id, label: <Person name={name} /> }));
  if (moving) return null;
  return (
    <div className="choosing">
      <label className="field service-choice">
        <span>{t('what.service')}</span>
        <select value={choice.serviceId} onChange={({ target }) => onChoice(withService(salon, choice, target.value))}>
          {salon.services.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {places.length > 1 && (
        <Choices
          legend={t('choose.place')}
          name="place"
          className="segments"
          options={places}
          value={choice.placeId}
          onChange={(placeId) => onChoice({ ...choice, placeId, stylistId: null })}
        />
      )}
      <Choices
        legend={t('choose.stylist')}
        name="stylist"
        className="people"
        options={[{ value: '', label: <Person name={t('choose.anyone')} isAnyone /> }, ...stylists]}
        value={choice.stylistId ?? ''}
        onChange={(id) => onChoice({ ...choice, stylistId: id || null })}
      />
    </div>
  );
}

function Person({ name, isAnyone = false }: { name: string; isAnyone?: boolean }) {
  const initials = name.split(' ').map((word) => word[0]).join('').slice(0, 2);
  return (
    <>
      <span className={`initials ${isAnyone ? 'anyone' : ''}`} aria-hidden="true">
        {isAnyone ? '✦' : initials}
      </span>
      {name.split(' ')[0]}
      <span className="hidden"> {name.split(' ').slice(1).join(' ')}</span>
    </>
  );
}

/** Says whose times are shown, where the salon has others. */
function ZoneNote({ timezone }: { timezone: string }) {
  if (isOwnTime(timezone)) return null;
  return <p className="zone quiet">{t('choose.zone', { zone: zoneName(ownZone) })}</p>;
}

function Unreachable({ board }: { board: Board }) {
  return (
    <div className="nothing" role="alert">
      <p>{t('page.missing')}</p>
      <button type="button" className="button plain" onClick={() => void board.reload()}>
        {t('page.retry')}
      </button>
    </div>
  );
}
