/**
 * The import rules of docs/ARCHITECTURE.md: arrows point down only.
 * wire <- core <- server; wire <- client <- cli, web, desktop; wire <- link <- server, client. Tests may also use
 * @confab/testing.
 */
/** Tests, and what several of them share. */
const tests = ['\\.test\\.ts$', '/fixtures/'];

/** Files of `from`, tests left out, may resolve to nothing in the workspace but `allowed`. */
const only = (name, comment, from, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from, pathNot: tests },
  to: { path: '^(packages|bench|test)/', pathNot: allowed },
});

module.exports = {
  forbidden: [
    only('wire-imports-nothing', 'Codecs stand alone', '^packages/wire/src', ['^packages/wire/']),
    {
      name: 'wire-and-core-have-no-dependency',
      comment: 'No Node built-in and no library below the server: both run in a browser and in simulated time',
      severity: 'error',
      from: { path: '^packages/(wire|core)/src', pathNot: tests },
      to: { path: ['^node:', 'node_modules'], pathNot: '^packages/' },
    },
    {
      name: 'wire-and-core-have-no-built-in',
      comment: 'No socket, file, timer or clock below the server',
      severity: 'error',
      from: { path: '^packages/(wire|core)/src', pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    only('core-imports-only-wire-types', 'The rules know no wire format', '^packages/core/src', [
      '^packages/(core|wire)/',
    ]),
    {
      name: 'core-takes-types-from-wire-at-most',
      severity: 'error',
      from: { path: '^packages/core/src', pathNot: tests },
      to: { path: '^packages/wire/', dependencyTypesNot: ['type-only'] },
    },
    only('config-imports-only-wire', 'Settings are for servers and faces alike', '^packages/config/src', [
      '^packages/(config|wire)/',
    ]),
    only('link-imports-only-wire', 'What server and client share of link', '^packages/link/src', [
      '^packages/(link|wire)/',
    ]),
    only('server-imports-what-is-below', 'The server is below no face', '^packages/server/src', [
      '^packages/(server|core|link|wire|config)/',
    ]),
    {
      name: 'gateways-never-import-each-other',
      comment: 'One folder a gateway; what two need lives beside them or in the core',
      severity: 'error',
      from: { path: '^packages/server/src/gateways/([^/]+)/' },
      to: {
        path: '^packages/server/src/gateways/[^/]+/',
        pathNot: '^packages/server/src/gateways/$1/',
      },
    },
    only('client-imports-only-wire-and-link', 'The client library is for embedding', '^packages/client/src', [
      '^packages/(client|link|wire)/',
    ]),
    {
      ...only(
        'faces-import-only-client',
        'A face sees rooms through the client library',
        '^packages/(cli|web|desktop)/src',
        ['^packages/(cli|web|desktop|client|config)/'],
      ),
      from: {
        path: '^packages/(cli|web|desktop)/src',
        // The one exception: `confab serve` hands its arguments to the server (ADR 0001).
        pathNot: [...tests, '^packages/cli/src/commands/(serve|log|names)\\.ts$', '^packages/cli/src/trace/'],
      },
    },
    // `confab trace` shows bytes to people, and so reads what the codecs say of them.
    only('trace-imports-codecs', 'Bytes are taken apart by the codecs', '^packages/cli/src/trace/', [
      '^packages/(cli|wire)/',
    ]),
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      from: { path: '^packages/', pathNot: [...tests, '^packages/testing/'] },
      to: { path: '^packages/testing/' },
    },
    {
      name: 'fixtures-are-for-tests',
      severity: 'error',
      from: { path: '^packages/', pathNot: tests },
      to: { path: '/fixtures/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'everything-resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/vectors/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
