import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin, type Rolldown } from 'vite';

const COMPRESSED = /\.(js|css|html|svg|json|webmanifest)$/;
const PLACE_OF_FILES = '__FILES__';

export default defineConfig({
  plugins: [worker(), compressed()],
  server: { proxy: { '/graphql': { target: 'http://127.0.0.1:8000', ws: true } } }, // `npx vite` beside `make run`
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the content security policy lets in files, not data: addresses
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000, // GraphiQL's, on its own page
    rolldownOptions: {
      input: { booking: 'index.html', staff: 'staff.html', graphiql: 'graphiql.html', sw: 'src/offline/sw.ts' },
      output: {
        entryFileNames: (chunk) => (chunk.name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js'),
        chunkFileNames: 'assets/shared-[name]-[hash].js',
        assetFileNames: 'assets/[name]-[hash][extname]',
      },
    },
  },
});

/** The service worker learns which files the booking page is made of: they are its cache, and their hashes its version. */
function worker(): Plugin {
  return {
    name: 'chairtime-worker',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const files = filesOf('booking', bundle).map((name) => `/${name}`);
        for (const part of Object.values(bundle)) {
          if (part.type === 'chunk' && part.name === 'sw') part.code = part.code.replace(PLACE_OF_FILES, files.join(' '));
        }
      },
    },
  };
}

/** An entry's own script, what it imports, and their style sheets. */
function filesOf(entry: string, bundle: Rolldown.OutputBundle): string[] {
  const files = new Set<string>();
  const visit = (name: string) => {
    const part = bundle[name];
    if (files.has(name) || part?.type !== 'chunk') return;
    files.add(name);
    part.viteMetadata?.importedCss.forEach((sheet) => files.add(sheet));
    part.imports.forEach(visit);
  };
  for (const part of Object.values(bundle)) if (part.type === 'chunk' && part.isEntry && part.name === entry) visit(part.fileName);
  return [...files].sort();
}

/** Every text lies beside itself compressed, so that the server compresses nothing. */
function compressed(): Plugin {
  return {
    name: 'chairtime-compressed',
    apply: 'build',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        for (const part of Object.values(bundle).filter((one) => COMPRESSED.test(one.fileName))) {
          const source = Buffer.from(part.type === 'chunk' ? part.code : part.source);
          const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
          this.emitFile({ type: 'asset', fileName: `${part.fileName}.br`, source: brotliCompressSync(source, quality) });
          this.emitFile({ type: 'asset', fileName: `${part.fileName}.gz`, source: gzipSync(source, { level: 9 }) });
        }
      },
    },
  };
}
