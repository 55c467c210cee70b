import { explorerPlugin } from '@graphiql/plugin-explorer';
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createClient } from 'graphql-ws';
import { createRoot } from 'react-dom/client';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './page.css';

const wsClient = createClient({ url: window.location.href.replace('http', 'ws') });
const fetcher = createGraphiQLFetcher({ url: '/graphql', wsClient, enableIncrementalDelivery: false });

const page = document.getElementById('page');
if (page) createRoot(page).render(<GraphiQL fetcher={fetcher} plugins={[explorerPlugin()]} />);
