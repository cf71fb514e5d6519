// Runs every end-to-end test against the built binary named by BAILIWICK_BIN.
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const folder = path.dirname(fileURLToPath(import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith('.test.mjs'));
const counts = { passed: 0, failed: 0 };

run({ files: files.map((name) => path.join(folder, name)), concurrency: 1, timeout: 300_000 })
  .on('test:fail', () => counts.failed++)
  .on('test:pass', () => counts.passed++)
  .on('end', () => {
    console.log(`${counts.passed} passed, ${counts.failed} failed`);
    process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
  })
  .compose(spec)
  .pipe(process.stdout);
