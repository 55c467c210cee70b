import { useEffect, useState } from 'react';

/** The time, again and again. */
export function useNow(everyMs: number, now: () => number = Date.now): number {
  const [shown, setShown] = useState(now);
  useEffect(() => {
    const timer = setInterval(() => setShown(now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, now]);
  return shown;
}
