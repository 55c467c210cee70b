import { ownZone, when } from '../i18n/format';
import { t } from '../i18n/words';
import type { Lost as LostStart, Near } from './flow';

interface Props {
  lost: LostStart;
  isBusy: boolean;
  onPick: (start: Near) => void;
}

/** A start that somebody else has, or whose hold has ended; and the nearest ones, each one click away. */
export function Lost({ lost, isBusy, onPick }: Props) {
  return (
    <div className="lost" role="alert">
      <h3>{t('lost.title')}</h3>
      <p>
        {t(`lost.${lost.why}`, { when: when(lost.startUtc, ownZone) })}
        {lost.nearest.length === 0 && ` ${t('lost.none')}`}
      </p>
      <div className="nearest">
        {lost.nearest.map((start) => (
          <button
            key={start.startUtc}
            type="button"
            className="button plain"
            data-start={start.startUtc}
            aria-disabled={isBusy}
            onClick={() => !isBusy && onPick(start)}
          >
            {when(start.startUtc, ownZone)}
          </button>
        ))}
      </div>
    </div>
  );
}
