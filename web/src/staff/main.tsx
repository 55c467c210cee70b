import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import '../ui/base.css';

const page = document.getElementById('page');
if (page) {
  createRoot(page).render(
    <StrictMode>
      <main />
    </StrictMode>,
  );
}
