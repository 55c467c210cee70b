import { useEffect, useMemo, useState } from 'react';
import { createApi, type Api } from '../client/client';
import { serverNow } from '../client/connection';
import { DayView } from './DayView';
import { SALON, type Salon } from './documents';
import { st } from './texts';
import { expiryOf, isRefused, signOut } from './token';

const LOOK_AGAIN_MS = 60_000;

/** What a token opens: the day, once the server has said that it is staff's. */
export function Signed({ token }: { token: string }) {
  const api = useMemo(() => createApi(() => ({ Authorization: `Bearer ${token}` }), { keepsDocuments: false, isPublic: false }), [token]);
  const [salon, setSalon] = useState<Salon | null>(null);
  const [hasFailed, setFailed] = useState(false);
  const load = () => {
    setFailed(false);
    void salonOf(api).then((found) => (found ? setSalon(found) : setFailed(true)));
  };
  useEffect(load, [api]);
  const isIn = salon !== null; // by then our clock was compared with the server's
  useEffect(() => (isIn ? endAt(expiryOf(token)) : undefined), [token, isIn]);
  if (salon) return <DayView api={api} salon={salon} />;
  return (
    <main className="sign-in">
      {hasFailed ? (
        <div role="alert">
          <h1>{st('sign.title')}</h1>
          <p>{st('sign.failed')}</p>
          <p className="row">
            <button type="button" className="button" onClick={load}>
              {st('common.again')}
            </button>
            <button type="button" className="button text" onClick={() => signOut()}>
              {st('sign.out')}
            </button>
          </p>
        </div>
      ) : (
        <p role="status">{st('day.loading')}</p>
      )}
    </main>
  );
}

async function salonOf({ client }: Api): Promise<Salon | null> {
  const { data, error } = await client.query(SALON, {}, { requestPolicy: 'network-only' }).toPromise();
  return isRefused(error) ? null : (data ?? null);
}

/** Signs out when the token expires; looks again and again, for a laptop sleeps. */
function endAt(expiry: number): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const look = () => {
    const left = expiry - serverNow();
    if (left <= 0) signOut('expired');
    else timer = setTimeout(look, Math.min(left, LOOK_AGAIN_MS));
  };
  look();
  return () => clearTimeout(timer);
}
