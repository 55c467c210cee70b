import { useLayoutEffect, useRef, type ReactNode } from 'react';
import { t } from '../i18n/words';
import './dialog.css';

/** A native modal dialog: the browser keeps the focus in it, and Escape closes it. Its heading has the id `labelledBy`. */
export function Dialog({ labelledBy, onClose, children }: { labelledBy: string; onClose: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  // Before React takes the element away: closing gives the focus back to what had it.
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
    return () => element?.close();
  }, []);
  return (
    // The backdrop is the dialog's own: a click on it closes, as Escape does for those without a pointer.
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={labelledBy}
      onCancel={(event) => (event.preventDefault(), onClose())}
      onPointerDown={(event) => event.target === dialog.current && onClose()}
    >
      <div className="sheet">
        <button type="button" className="close" aria-label={t('common.close')} onClick={onClose}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M6 6l12 12M18 6L6 18" />
          </svg>
        </button>
        {children}
      </div>
    </dialog>
  );
}
