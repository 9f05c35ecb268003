// Bundles the page:
//
//	node build.mjs MODULES OUT    the folder with node_modules, and where the bundle goes
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [modules, out] = process.argv.slice(2);
const { build } = createRequire(join(modules, 'package.json'))('esbuild');
const page = join(dirname(fileURLToPath(import.meta.url)), 'page');

// @grafana/scenes imports files of @grafana/schema without their extension, which
// the exports of that package do not allow.
const schemaFiles = {
  name: 'schema-files',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^@grafana\/schema\/dist\/esm\/raw\/.*\.gen$/ }, ({ path, ...from }) =>
      resolve(`${path}.js`, from)
    );
  },
};

await build({
  entryPoints: [join(page, 'main.tsx')],
  outfile: join(out, 'main.js'),
  bundle: true,
  minify: true,
  format: 'iife',
  jsx: 'automatic',
  nodePaths: [join(modules, 'node_modules')], // the sources are elsewhere
  absWorkingDir: modules,
  // Grafana has version 5 beside this, which is the 6 that @grafana/scenes asks for.
  alias: { 'react-router-dom-v5-compat': 'react-router-dom' },
  define: { 'process.env.NODE_ENV': '"production"' },
  loader: { '.svg': 'dataurl', '.ttf': 'empty' },
  plugins: [schemaFiles],
  logLevel: 'warning',
});
