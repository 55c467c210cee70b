import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { useStore } from '../client/store';
import { markDocument } from '../i18n/words';
import '../ui/base.css';
import { SignIn } from './SignIn';
import { Signed } from './Signed';
import './staff.css';
import { st } from './texts';
import { signedIn } from './token';

/** A token is asked for once a tab; another token is another person, and nothing of the one before stays. */
function Staff() {
  const { token, refusal } = useStore(signedIn);
  return token ? <Signed key={token} token={token} /> : <SignIn refusal={refusal} />;
}

markDocument(`${st('title')} · Chairtime`);
const page = document.getElementById('page');
if (page) {
  createRoot(page).render(
    <StrictMode>
      <Staff />
    </StrictMode>,
  );
}
