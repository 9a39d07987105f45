import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { openBridge } from '@confab/client';
import { temporaryDirectory } from '@confab/testing';
import type { ServerPorts } from '@confab/testing/raw/member';
import { wireKinds } from '@confab/testing/raw/wire-kinds';
import { startTestServer } from '@confab/testing/test-server';
import { wireSections } from '@confab/testing/wire-settings';
import { RawUdp, tcpExchange } from '../support/bridge.ts';
import { CREATE, encodeTcrp, entryPayload, JOIN, requestEntry, TcrpConnection } from '../support/tcrp.ts';
import { encodeUcrp, fence, RawMember, REGISTER, UdpPeer } from '../support/ucrp.ts';
import { eventually } from '../support/wait.ts';

/*
 * Drives every wire with right and wrong passwords and with real and forged tokens, at the level that logs most, and looks
 * for each of these in all that the server says: its log, the conversation log and the trace.
 */

let count = 0;
const secrets: string[] = [];

/** A secret that is nowhere else. */
function secret(kind: string): string {
  count += 1;
  return note(`${kind}-secret-${count}-b4f1c9`);
}

function note(text: string): string {
  secrets.push(text);
  return text;
}

for (const level of ['trace', 'debug']) {
  test(`no token and no password is in the logs or the trace, at level ${level}`, async (context) => {
    secrets.length = 0;
    const folder = temporaryDirectory(context).path;
    const conversation = join(folder, 'conversation.log');
    const { running, ports, log, stop } = await startTestServer(context, {
      wires: wireSections,
      settings: {
        'log.level': level,
        'log.conversation': conversation,
        'trace.enabled': true,
        'trace.tcp_port': 0,
        'bridge.packets_max': 1000,
      },
    });
    const watcher = connect(running.tracePort!, '127.0.0.1');
    context.after(() => void watcher.destroy());
    let trace = '';
    watcher.setEncoding('utf8').on('data', (text: string) => {
      trace += text;
    });
    await eventually(() => trace.includes('\n'), 'the trace begins');
    const server = { address: ports.address, tcpPort: ports.port('ucrp', 'tcp'), udpPort: ports.port('ucrp', 'udp') };

    // Both dialects, in every layout: hosts and members with passwords, wrong passwords, none at all.
    for (const layout of ['header32', 'padded28', 'header31', 'name-first'] as const) {
      const password = secret('right');
      const room = `guarded ${layout}`;
      const host = await RawMember.create(server, { room, user: 'Ann', dialect: 'object', layout, password });
      const guest = await RawMember.join(server, { room, user: 'Bob', dialect: 'object', layout, password });
      for (const wrong of [secret('wrong'), `${secret('wrong "quoted" \\ é')}`, '']) {
        const entry = await requestEntry(server, JOIN, {
          room,
          user: 'Eve',
          dialect: 'object',
          layout,
          password: wrong,
        });
        assert.equal(entry.isAccepted, false);
      }
      assert.equal((await requestEntry(server, JOIN, { room, user: 'Eve', layout })).isAccepted, false);
      const open = await RawMember.create(server, { room: `open ${layout}`, user: 'Ann', layout });
      const other = await RawMember.join(server, { room: `open ${layout}`, user: 'Bob', layout });
      for (const { token } of [host, guest, open, other]) note(token);
      await fence(open, [other]);
      await forge(server, [host, open]);
    }
    await requestsInPieces(server);

    // Every other wire: passwords where it can carry one, right and wrong; junk that holds them.
    for (const kind of wireKinds) {
      const password = secret('wire');
      const room = kind.hasRooms ? `room of ${kind.name}` : 'stage1';
      if (kind.canCarryPassword) {
        const host = await RawMember.create(server, { room, user: 'Host', dialect: 'object', password });
        note(host.token);
        // Whole, and so refused by the room; a client would wait for what does not come.
        const request = { type: 'join', room, user: 'Eve', password: secret('wrong'), id: 1 };
        await kind.junk(ports, Buffer.from(`${JSON.stringify(request)}\n`));
      }
      const member = await kind.join(ports, {
        room,
        user: 'Ann',
        password: kind.canCarryPassword ? password : undefined,
      });
      await member.say('hello');
      await member.sendJunk(Buffer.from(`{"type":"join","password":"${secret('junk')}"`));
      await kind.junk(ports, Buffer.from(`{"password": "${secret('junk')}", "token": "${secret('junk')}"`));
      member.close();
    }

    await throughTheBridge(ports);

    // What was asked for last is in the trace and in the logs, and so is all before it.
    const last = await RawMember.create(server, { room: 'last', user: 'Ann' });
    const listener = await RawMember.join(server, { room: 'last', user: 'Bob' });
    await fence(last, [listener]);
    await eventually(() => tracedText(trace).includes('last"Bob"'), 'the last room in the trace');
    await stop();

    const outputs = {
      log: log.join(''),
      trace: `${trace}\n${tracedText(trace)}`,
      conversation: existsSync(conversation) ? readFileSync(conversation, 'utf8') : '',
    };
    assert.ok(
      outputs.log.includes('"level"') && outputs.conversation.includes('hello'),
      'there is something to look at',
    );
    assert.ok(outputs.trace.includes('********'), 'the trace masks');
    assert.ok(secrets.length > 40, `${secrets.length} secrets`);
    for (const [name, text] of Object.entries(outputs)) {
      for (const hidden of secrets) {
        for (const form of [hidden, JSON.stringify(hidden).slice(1, -1), Buffer.from(hidden).toString('latin1')]) {
          assert.ok(!text.includes(form), `${JSON.stringify(form)} is in the ${name}`);
        }
        // A piece of it would be as bad.
        assert.ok(!text.includes(hidden.slice(0, 16)), `a piece of ${JSON.stringify(hidden)} is in the ${name}`);
      }
    }
  });
}

interface Server {
  readonly address: string;
  readonly tcpPort: number;
  readonly udpPort: number;
}

/** Tokens that are nearly right, in datagrams that are whole and that are not. */
async function forge(server: Server, members: readonly RawMember[]): Promise<void> {
  const thief = await UdpPeer.open();
  for (const { room, token } of members) {
    const forged = note(`${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`);
    for (const layout of ['one-byte', 'four-byte'] as const) {
      const whole = encodeUcrp(layout, room, forged, REGISTER);
      await thief.send(whole, server);
      await thief.send(whole.subarray(0, whole.length - 20), server);
      await thief.send(encodeUcrp(layout, 'another room', token, 'hello'), server);
      await thief.send(Buffer.concat([whole, Buffer.from([0xff])]), server);
      await thief.send(Buffer.concat([Buffer.from([9]), whole]), server);
    }
  }
  thief.close();
}

/** Tokens of the bridge, right, forged, in pieces and where they do not belong; and what is said through its relay. */
async function throughTheBridge(ports: ServerPorts): Promise<void> {
  const [tcpPort, udpPort] = [ports.port('bridge', 'tcp'), ports.port('bridge', 'udp')];
  const key = Buffer.alloc(32, 7).toString('base64url');
  const udp = await RawUdp.open();
  for (const mode of ['tcp', 'udp'] as const) {
    const ask = async (packet: string): Promise<string> =>
      mode === 'tcp' ? (await tcpExchange(tcpPort, packet)).text : udp.ask(udpPort, packet);
    const answer = await ask(`REGISTER\r\nclientID: ann\r\nIP: 127.0.0.1\r\nPort: 1\r\nConfab-Key: ${key}\r\n\r\n`);
    const token = note(/Confab-Token: (\S+)/.exec(answer)![1]!);
    const forged = note(`${token.slice(0, -4)}AAAA`);
    await ask(`BRIDGE\r\nclientID: ann\r\nConfab-Token: ${token}\r\n\r\n`);
    await ask(`BRIDGE\r\nclientID: ann\r\nconfab-token:${forged}\r\n\r\n`);
    if (mode === 'tcp') {
      const socket = connect(tcpPort, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      const packet = `CONFAB\r\nConfab-Token: ${token}\r\nclientID: ann\r\n`;
      await new Promise<void>((resolve) => socket.write(packet.slice(0, 30), () => resolve()));
      // Another answer shows that the first piece has been read by itself.
      await tcpExchange(tcpPort, 'PROBE\r\n\r\n');
      socket.end(packet.slice(30));
      await once(socket, 'close');
    } else {
      for (const end of [undefined, -1, -9]) udp.send(udpPort, `JUNK\r\nConfab-Token: ${token}`.slice(0, end));
    }
    await ask(`QUIT\r\nclientID: ann\r\nConfab-Token: ${token}\r\n\r\n`);
    await relayed(mode === 'tcp' ? tcpPort : udpPort);
  }
  udp.close();
}

async function relayed(port: number): Promise<void> {
  const url = `bridge://127.0.0.1:${port}`;
  const [ann, bob] = [await openBridge(url, { path: 'relay' }), await openBridge(url, { path: 'relay' })];
  await ann.register('ann');
  await ann.bridge();
  await bob.register('bob');
  await bob.bridge();
  await bob.chat();
  const said = secret('relayed');
  await bob.send(said);
  for await (const event of ann.events()) if (event.type === 'message' && event.text === said) break;
  await Promise.all([ann.close(), bob.close()]);
}

/** A password that comes in two segments, and one whose request never ends. */
async function requestsInPieces(server: Server): Promise<void> {
  for (const isWhole of [true, false]) {
    const password = secret('pieces');
    const payload = entryPayload({ user: 'Ann', dialect: 'object', password });
    const bytes = encodeTcrp('header32', { operation: CREATE, state: 0, room: `pieces ${isWhole}`, payload });
    const connection = await TcrpConnection.open(server);
    const middle = bytes.indexOf(password) + 7;
    connection.write(bytes.subarray(0, middle));
    // Another request's answer shows that the first piece has been read by itself.
    await requestEntry(server, JOIN, { room: 'nowhere', user: 'Ann' });
    connection.write(isWhole ? bytes.subarray(middle) : bytes.subarray(middle, middle + 5));
    if (isWhole) {
      const { bytes: answer } = await connection.ended();
      note(/[0-9a-f]{64}/.exec(answer.toString('latin1'))![0]);
    }
    connection.close();
  }
}

/** The bytes of all records, as text. */
function tracedText(trace: string): string {
  return trace
    .split('\n')
    .slice(1, -1)
    .map((line) => Buffer.from((JSON.parse(line) as { bytes?: string }).bytes ?? '', 'base64').toString('latin1'))
    .join('\n');
}
