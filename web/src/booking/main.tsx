import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Provider, useQuery } from 'urql';
import { createApi } from '../client/client';
import { sessionId } from '../client/session';
import '../ui/base.css';
import { SALON } from './documents';

const { client } = createApi(() => ({ 'X-Session-Id': sessionId() }));

function Page() {
  const [{ data }] = useQuery({ query: SALON });
  return (
    <main>
      <h1>{data?.tenant.name}</h1>
    </main>
  );
}

const page = document.getElementById('page');
if (page) {
  createRoot(page).render(
    <StrictMode>
      <Provider value={client}>
        <Page />
      </Provider>
    </StrictMode>,
  );
}
