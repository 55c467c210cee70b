import './arrow.css';

/** A round button with an arrow, back or on in the direction of the writing. */
export function Arrow({ isBack = false, label, onClick }: { isBack?: boolean; label: string; onClick: () => void }) {
  return (
    <button type="button" className={`arrow ${isBack ? 'back' : ''}`} aria-label={label} onClick={onClick}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="M9 5l7 7-7 7" />
      </svg>
    </button>
  );
}
