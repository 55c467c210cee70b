import type { Notice } from './doing';
import { st } from './texts';

/** What became of what one did. The status is always there, so that screen readers tell of what comes into it. */
export function NoticeBar({ notice, onDismiss }: { notice: Notice | null; onDismiss: () => void }) {
  return (
    <div className={`notice ${notice?.isWarm ? 'warm' : ''}`} hidden={!notice}>
      <p role="status">{notice?.text}</p>
      {notice?.actions?.map(({ text, onDo }) => (
        <button key={text} type="button" className="button plain" onClick={() => (onDismiss(), onDo())}>
          {text}
        </button>
      ))}
      <button type="button" className="button text" onClick={onDismiss}>
        {st('common.dismiss')}
      </button>
    </div>
  );
}
