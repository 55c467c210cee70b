import { useDeferredValue, useEffect, useRef, useState } from 'react';
import { useQuery } from 'urql';
import { API } from '../client/socket';
import { money, time, zoneName } from '../i18n/format';
import { LANGUAGES, choose, language, t, type Language } from '../i18n/words';
import { client } from './api';
import { createBoard } from './board';
import type { Booking } from './claims';
import { SALON, type Salon } from './documents';
import { linkedChoice, type Boards } from './linked';
import { Modal } from './Modal';
import { MyBookings } from './MyBookings';
import { asked, firstChoice, offerOf, stylistsFor, type Choice } from './salon';
import { mark } from './timing';
import './page.css';

/** Services whose days are asked for before anybody wants them, and how long the page rests before each. */
const AHEAD_MAX = 6;
const AHEAD_AFTER_MS = 100;
const DEVELOPERS_AFTER_MS = 1_500;

interface Opened {
  choice: Choice;
  shown: Booking | null;
}

/** What a salon has on its site: what it does, where it is, and a way to book it. */
export function Page({ boards }: { boards: Boards }) {
  const [{ data: salon, error }, again] = useQuery({ query: SALON });
  if (salon) return <Loaded salon={salon} boards={boards} />;
  return (
    <main className="page waiting">
      {error && (
        <div role="alert">
          <h1>{t('page.title')}</h1>
          <p>{t('page.missing')}</p>
          <button type="button" className="button" onClick={() => again({ requestPolicy: 'network-only' })}>
            {t('page.retry')}
          </button>
        </div>
      )}
    </main>
  );
}

function Loaded({ salon, boards }: { salon: Salon; boards: Boards }) {
  const [opened, setOpened] = useState<Opened | null>(() => linkedOf(salon));
  const lastPlace = useRef<string | undefined>(undefined);
  const [visit, setVisit] = useState(0);
  const choiceOf = (serviceId: string) => firstChoice(salon, serviceId, lastPlace.current);
  const prepare = (serviceId: string) => {
    const known = boards.get(serviceId);
    const board = known && !known.store.get().failed ? known : createBoard(client, serviceId, asked(salon, choiceOf(serviceId)));
    boards.set(serviceId, board);
    return board.ready;
  };
  const close = () => {
    if (opened) boards.delete(opened.choice.serviceId);
    setOpened(null);
    setVisit(visit + 1);
  };
  const open = (choice: Choice, shown: Booking | null = null) => {
    mark('open');
    setOpened({ choice, shown });
  };
  /** One after another, when there is nothing else to do: then a click only shows what is there. */
  const prepareAll = async () => {
    for (const { id } of salon.services.slice(0, AHEAD_MAX)) {
      await new Promise((resolve) => setTimeout(resolve, AHEAD_AFTER_MS));
      await prepare(id);
    }
  };
  const onBook = (serviceId: string) => open(choiceOf(serviceId));
  useEffect(() => {
    if (!opened) void prepareAll();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once
  }, []);
  // What the address opens comes first, the page behind it after.
  const isShown = useDeferredValue(true, !opened);
  const firstService = salon.services[0]?.id;
  return (
    <>
      {isShown && (
        <>
          <Header salon={salon} />
          <main className="page">
            <section className="hero">
              <div>
                <h1>{t('page.heading')}</h1>
                <p>{t('page.lead')}</p>
                <a className="button" href="#services">
                  {t('page.book')}
                </a>
              </div>
              <Leaves />
            </section>
            {firstService && <MyBookings visit={visit} onOpen={(booking) => open({ ...choiceOf(booking.service.id), stylistId: booking.stylist.id }, booking)} />}
            <Services salon={salon} onBook={onBook} onNear={(id) => void prepare(id)} />
            <Places salon={salon} />
          </main>
          <footer className="site-foot">
            <span>{salon.tenant.name}</span>
            <Developers />
          </footer>
        </>
      )}
      {opened && (
        <Modal
          salon={salon}
          first={opened.choice}
          shown={opened.shown}
          warm={boards.get(opened.choice.serviceId) ?? null}
          onChoice={({ placeId }) => (lastPlace.current = placeId)}
          onClose={close}
        />
      )}
    </>
  );
}

/** What the address opens. */
function linkedOf(salon: Salon): Opened | null {
  const choice = linkedChoice(salon);
  if (!choice) return null;
  mark('open');
  return { choice, shown: null };
}

function Header({ salon }: { salon: Salon }) {
  return (
    <header className="site-head">
      <a className="brand" href="/">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path d="M16 28C16 18 16 12 16 4M16 14C9 14 6 10 6 4c7 0 10 4 10 10ZM16 24c7 0 10-4 10-10-7 0-10 4-10 10Z" />
        </svg>
        {salon.tenant.name}
      </a>
      <nav aria-label={t('page.language')}>
        {(Object.keys(LANGUAGES) as Language[]).map((one) => (
          <button key={one} type="button" lang={one} aria-pressed={one === language} onClick={() => choose(one)}>
            {LANGUAGES[one]}
          </button>
        ))}
      </nav>
    </header>
  );
}

function Services({ salon, onBook, onNear }: { salon: Salon; onBook: (id: string) => void; onNear: (id: string) => void }) {
  return (
    <section id="services" className="section">
      <h2>{t('page.services')}</h2>
      <ul className="services">
        {salon.services.map(({ id, name }) => {
          const offer = offerOf(salon, id);
          return (
            <li key={id}>
              <button
                type="button"
                className="service"
                data-service={id}
                onPointerEnter={() => onNear(id)}
                onFocus={() => onNear(id)}
                onClick={() => onBook(id)}
              >
                <span className="name">{name}</span>
                <span className="quiet">{t('choose.duration', { minutes: offer.minutes })}</span>
                <span className="cost">{t('choose.from', { price: money(offer.priceCents, salon.tenant.currency) })}</span>
                <span className="go">{t('page.book')}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Places({ salon }: { salon: Salon }) {
  const now = Date.now();
  return (
    <section className="section">
      <h2>{t('page.places')}</h2>
      <ul className="places">
        {salon.locations.map(({ id, name, timezone }) => {
          const count = new Set(salon.services.flatMap((one) => stylistsFor(salon, { serviceId: one.id, placeId: id }).map((who) => who.id))).size;
          return (
            <li key={id}>
              <h3>{name}</h3>
              <p className="quiet">
                {zoneName(timezone)}, {time(now, timezone)}
              </p>
              <p>{t('page.stylists', { count })}</p>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** The way to GraphiQL, where there is one: a server that tells strangers nothing of its schema has none. */
function Developers() {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => void tellsItsSchema().then((tells) => (setOpen(tells), mark('developers'))), DEVELOPERS_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return isOpen ? <a href="/graphql">{t('page.developers')}</a> : null;
}

async function tellsItsSchema(): Promise<boolean> {
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
  const asked = fetch(API, { method: 'POST', headers, body: JSON.stringify({ query: '{ __schema { queryType { name } } }' }) });
  const answer = await asked.then((response) => response.json() as Promise<{ data?: object | null }>).catch(() => null);
  return Boolean(answer?.data);
}

function Leaves() {
  return (
    <svg className="leaves" viewBox="0 0 320 260" aria-hidden="true">
      <circle cx="206" cy="118" r="92" className="sun" />
      <path className="stem" d="M76 252C96 176 128 112 196 40" />
      <path d="M196 40c-34 4-58 22-66 58 36-4 60-22 66-58z" />
      <path d="M152 100c-40-8-68 2-90 32 38 12 68 2 90-32z" />
      <path d="M150 98c6 36 26 56 62 64 0-38-20-60-62-64z" />
      <path d="M112 162c-38 2-62 18-76 50 38 4 64-14 76-50z" />
      <path d="M112 160c14 32 38 46 74 44-8-36-34-50-74-44z" />
    </svg>
  );
}
