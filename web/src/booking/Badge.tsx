import { connection } from '../client/connection';
import { useStore } from '../client/store';
import { ago, ownZone, time } from '../i18n/format';
import { t } from '../i18n/words';
import { useNow } from '../ui/now';
import type { Fresh } from './documents';

const JUST_NOW_MS = 45_000;

/** How fresh what is shown is; with a pointer or the focus on it, by which version and from where. */
export function Badge({ fresh }: { fresh: Fresh | undefined }) {
  const { online, live, heardAt } = useStore(connection);
  const now = useNow(15_000);
  const kind = !online ? 'offline' : live ? 'live' : 'updated';
  const detail = fresh && {
    version: fresh.version,
    source: t(`badge.${fresh.source}`),
    checked: t(fresh.verified ? 'badge.verified' : 'badge.unverified'),
  };
  return (
    <button type="button" className={`badge ${kind}`} aria-describedby="badge-detail">
      <span className="dot" aria-hidden="true" />
      <span role="status">{label(kind, heardAt, now)}</span>
      <span role="tooltip" id="badge-detail" className="tip">
        {detail ? t('badge.detail', detail) : t('choose.loading')}
      </span>
    </button>
  );
}

function label(kind: 'offline' | 'live' | 'updated', heardAt: number, now: number): string {
  if (kind === 'live') return t('badge.live');
  if (kind === 'offline') return t('badge.offline', { time: heardAt ? time(heardAt, ownZone) : '–' });
  return now - heardAt < JUST_NOW_MS ? t('badge.now') : t('badge.updated', { ago: ago(now - heardAt) });
}
