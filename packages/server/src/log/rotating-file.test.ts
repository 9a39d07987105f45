import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '@confab/testing';
import { ServerError } from '../errors.ts';
import { type FileStream, RotatingFile, type RotatingFileOptions } from './rotating-file.ts';

function world(context: TestContext, more: Partial<RotatingFileOptions> = {}) {
  const { path: folder } = temporaryDirectory(context);
  const complaints: string[] = [];
  const options: RotatingFileOptions = {
    path: join(folder, 'confab.log'),
    key: 'log.file',
    rotateBytes: 1_000_000,
    rotateDays: 7,
    keep: 3,
    mode: 0o600,
    complain: (line) => complaints.push(line),
    ...more,
  };
  return { folder, options, complaints, read: (name: string) => readFileSync(join(folder, name), 'utf8') };
}

describe('A file that is rotated', () => {
  it('holds all lines when it is closed, behind those that were there', async (context) => {
    const { options, read } = world(context);
    writeFileSync(options.path, 'old\n');
    const file = await RotatingFile.open(options);
    for (const line of ['one\n', 'two\n']) file.write(line);
    await file.close();
    assert.equal(read('confab.log'), 'old\none\ntwo\n');
    // Nobody minds a line that comes too late.
    file.write('late\n');
    assert.equal(read('confab.log'), 'old\none\ntwo\n');
  });

  it('begins anew at its size and keeps as many old ones as it is told, the newest as number 1', async (context) => {
    const { folder, options, read } = world(context, { rotateBytes: 10, keep: 2 });
    const file = await RotatingFile.open(options);
    for (const line of ['aaaaaaaaaa\n', 'bbbbbbbbbb\n', 'cccccccccc\n', 'dddddddddd\n', 'e\n']) file.write(line);
    await file.close();
    assert.deepEqual(readdirSync(folder).sort(), ['confab.log', 'confab.log.1', 'confab.log.2']);
    assert.deepEqual(['confab.log', 'confab.log.1', 'confab.log.2'].map(read), ['e\n', 'dddddddddd\n', 'cccccccccc\n']);
  });

  it('keeps no old one if that is how many it is told', async (context) => {
    const { folder, options } = world(context, { rotateBytes: 10, keep: 0 });
    const file = await RotatingFile.open(options);
    for (const line of ['aaaaaaaaaa\n', 'bbbbbbbbbb\n', 'c\n']) file.write(line);
    await file.close();
    assert.deepEqual(readdirSync(folder), ['confab.log']);
  });

  it('begins anew when it has become too old meanwhile', async (context) => {
    const days = (count: number) => () => Date.now() + count * 86_400_000;
    const { options, folder, read } = world(context);
    writeFileSync(options.path, 'old\n');
    await (await RotatingFile.open({ ...options, wallMs: days(6) })).close();
    assert.equal(read('confab.log'), 'old\n');
    for (const age of [8, 16]) {
      const file = await RotatingFile.open({ ...options, wallMs: days(age) });
      file.write(`at ${age}\n`);
      await file.close();
    }
    assert.deepEqual(['confab.log', 'confab.log.1', 'confab.log.2'].map(read), ['at 16\n', 'at 8\n', 'old\n']);
    assert.equal(readdirSync(folder).length, 3);
    await (await RotatingFile.open({ ...options, keep: 0, wallMs: days(24) })).close();
    assert.equal(read('confab.log'), '');
  });

  it('is made with the folders that lead to it, and only for who runs the server to read', async (context) => {
    const { options, folder } = world(context);
    const path = join(folder, 'a', 'b', 'confab.log');
    const file = await RotatingFile.open({ ...options, path });
    file.write('one\n');
    await file.close();
    assert.equal(readFileSync(path, 'utf8'), 'one\n');
  });
});

describe('A file that cannot be written', () => {
  it('is refused when it is opened, in one line that says why and what to do', async (context) => {
    const { options, folder } = world(context);
    mkdirSync(join(folder, 'directory'));
    writeFileSync(join(folder, 'file'), '');
    const examples: [string, RegExp][] = [
      [join(folder, 'directory'), /it is not a regular file/],
      [join(folder, 'file', 'below'), /part of its path is not a directory|EEXIST/],
      ['/dev/full', /it is not a regular file/],
      [join(folder, 'x'.repeat(300)), /ENAMETOOLONG/],
    ];
    for (const [path, reason] of examples) {
      await assert.rejects(RotatingFile.open({ ...options, path }), (error: unknown) => {
        assert.ok(error instanceof ServerError);
        assert.equal(error.code, 'LOG_UNWRITABLE');
        assert.match(error.message, /^Cannot write to "[^\n]+": [^\n]+; set log\.file to a file that can be written$/);
        assert.match(error.message, reason);
        return true;
      });
    }
  });

  it('later is said once, tried again, and said again when it is written', async (context) => {
    let isFull = false;
    let nowMs = 0;
    const written: string[] = [];
    let openings = 0;
    const openStream = (): FileStream => {
      openings += 1;
      return new Writable({
        decodeStrings: false,
        write: (line: string, _encoding, done) => {
          if (isFull) return done(Object.assign(new Error('ENOSPC: write'), { code: 'ENOSPC' }));
          written.push(line);
          done();
        },
      });
    };
    const { options, complaints } = world(context, { openStream, nowMs: () => nowMs });
    const file = await RotatingFile.open(options);
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    file.write('1');
    await settle();
    isFull = true;
    for (const line of ['2', '3']) file.write(line);
    await settle();
    file.write('4');
    assert.deepEqual(complaints, [
      `Cannot write to "${options.path}": no space left on the disk; lines are lost until it can be written`,
    ]);
    nowMs += 10_000;
    file.write('5');
    await settle();
    assert.equal(complaints.length, 1);
    assert.equal(openings, 2);
    isFull = false;
    nowMs += 9999;
    file.write('6');
    nowMs += 1;
    file.write('7');
    await settle();
    assert.deepEqual(written, ['1', '7']);
    assert.equal(openings, 3);
    assert.deepEqual(complaints.slice(1), [`"${options.path}" is written again; 5 lines were lost`]);
    await file.close();
  });

  it('fast enough: lines are lost, instead of filling the memory', async (context) => {
    const held: (() => void)[] = [];
    const openStream = (): FileStream =>
      new Writable({ decodeStrings: false, write: (_line, _encoding, done) => void held.push(done) });
    const { options, complaints } = world(context, { openStream });
    const file = await RotatingFile.open(options);
    const line = 'x'.repeat(1_048_576);
    for (let count = 0; count < 12; count += 1) file.write(line);
    assert.equal(complaints.length, 1);
    assert.match(complaints[0]!, /the disk is too slow; lines are lost/);
  });
});
