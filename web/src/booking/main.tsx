import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Provider } from 'urql';
import { markDocument, t } from '../i18n/words';
import { registerWorker } from '../offline/register';
import '../ui/base.css';
import { client } from './api';
import { askAhead } from './linked';
import { Page } from './Page';

markDocument(t('page.title'));
const boards = askAhead();
const page = document.getElementById('page');
if (page) {
  createRoot(page).render(
    <StrictMode>
      <Provider value={client}>
        <Page boards={boards} />
      </Provider>
    </StrictMode>,
  );
}
registerWorker();
