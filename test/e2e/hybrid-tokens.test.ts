import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedServer } from '../support/server-process.ts';
import { encodeUcrp, expectSilence, fence, LEAVE, RawMember, REGISTER, UdpPeer } from '../support/ucrp.ts';

const server = sharedServer();
const dialects = ['string', 'object'] as const;

/** A socket on another address of this machine; where there is none, its test is skipped. */
async function otherHost(): Promise<UdpPeer | undefined> {
  try {
    return await UdpPeer.open('127.0.0.2');
  } catch {
    return undefined;
  }
}

for (const dialect of dialects) {
  test(`${dialect} dialect: a forged token is answered with silence and heard by nobody`, async () => {
    const room = `forged ${dialect}`;
    const ann = await RawMember.create(server(), { room, user: 'Ann', dialect });
    const bob = await RawMember.join(server(), { room, user: 'Bob' });
    const mallory = await UdpPeer.open();
    const lastDigit = ann.token.endsWith('0') ? '1' : '0';
    const forged = [
      ann.token.slice(0, -1) + lastDigit,
      ann.token.slice(0, -1),
      `${ann.token}0`,
      ann.token.toUpperCase(),
      'x',
    ];
    for (const token of forged) {
      for (const message of [REGISTER, 'I am Ann', LEAVE]) {
        await mallory.send(encodeUcrp('one-byte', room, token, message), server());
        await mallory.send(encodeUcrp('four-byte', room, token, message), server());
      }
    }
    await ann.send('It is really me');
    await bob.expectChat('Ann', 'It is really me');
    await expectSilence(server(), mallory, bob.peer);
  });

  test(`${dialect} dialect: a token opens its own room only`, async () => {
    const ann = await RawMember.create(server(), { room: `own ${dialect}`, user: 'Ann', dialect });
    const bob = await RawMember.join(server(), { room: `own ${dialect}`, user: 'Bob' });
    const eve = await RawMember.create(server(), { room: `other ${dialect}`, user: 'Eve' });
    const mia = await RawMember.join(server(), { room: `other ${dialect}`, user: 'Mia' });
    for (const message of [REGISTER, 'Hello', LEAVE]) {
      await ann.peer.send(encodeUcrp('one-byte', eve.room, ann.token, message), server());
    }
    await fence(eve, [mia]);
    await fence(ann, [bob]);
    await expectSilence(server(), bob.peer, eve.peer, mia.peer);
  });

  test(`${dialect} dialect: a token opens from the IP address that it was issued to only`, async (context) => {
    const thief = await otherHost();
    if (thief === undefined) return context.skip('127.0.0.2 is no address of this machine');
    const room = `stolen ${dialect}`;
    const ann = await RawMember.create(server(), { room, user: 'Ann', dialect });
    const bob = await RawMember.join(server(), { room, user: 'Bob' });
    for (const message of [REGISTER, 'I am Ann', LEAVE]) await ann.sendFrom(thief, message);
    await ann.send('I am Ann');
    await bob.expectChat('Ann', 'I am Ann');
    if (ann.hasEcho) await ann.expectChat('Ann', 'I am Ann');
    await bob.send('I know');
    await ann.expectChat('Bob', 'I know');
    await expectSilence(server(), thief, ann.peer, bob.peer);
  });
}

test('members of different IP addresses meet in one room', async (context) => {
  const away = await otherHost();
  if (away === undefined) return context.skip('127.0.0.2 is no address of this machine');
  const room = 'two hosts';
  const ann = await RawMember.create(server(), { room, user: 'Ann' });
  const bob = await RawMember.join(server(), { room, user: 'Bob', peer: away, localAddress: away.address });
  await ann.send('Hello');
  await bob.expectChat('Ann', 'Hello');
  await bob.send('Hello');
  await ann.expectChat('Bob', 'Hello');
});

test('string dialect: registering again moves the address, and nothing else does', async () => {
  const room = 'moving string';
  const ann = await RawMember.create(server(), { room, user: 'Ann' });
  const bob = await RawMember.join(server(), { room, user: 'Bob' });
  const [oldPeer, newPeer] = [bob.peer, await UdpPeer.open()];

  await bob.sendFrom(newPeer, 'From my new place');
  await ann.expectChat('Bob', 'From my new place');
  await ann.send('Still to the old one');
  await bob.expectChat('Ann', 'Still to the old one');

  await bob.sendFrom(newPeer, REGISTER);
  bob.peer = newPeer;
  await ann.send('To the new one');
  await bob.expectChat('Ann', 'To the new one');
  // The server repeats no line for a registration that changes nothing.
  await bob.send(REGISTER);
  await ann.send('Once');
  await bob.expectChat('Ann', 'Once');
  await expectSilence(server(), oldPeer, newPeer);
});

test('string dialect: a member that never registered may speak and hears nothing', async () => {
  const room = 'unregistered';
  const ann = await RawMember.create(server(), { room, user: 'Ann' });
  const { token } = await RawMember.join(server(), { room, user: 'Bob' });
  const peer = await UdpPeer.open();
  await peer.send(encodeUcrp('one-byte', room, token, 'Hello'), server());
  await ann.expectChat('Bob', 'Hello');
  await ann.send('Who said that?');
  await expectSilence(server(), peer);
});

test('object dialect: each datagram moves the address', async () => {
  const room = 'moving object';
  const ann = await RawMember.create(server(), { room, user: 'Ann' });
  const bob = await RawMember.join(server(), { room, user: 'Bob', dialect: 'object' });
  await bob.send('From here');
  await bob.expectChat('Bob', 'From here');
  await ann.expectChat('Bob', 'From here');
  const oldPeer = bob.peer;
  bob.peer = await UdpPeer.open();
  await bob.send('And now from here');
  await bob.expectChat('Bob', 'And now from here');
  await ann.expectChat('Bob', 'And now from here');
  await fence(ann, [bob]);
  await expectSilence(server(), oldPeer);
});

test('two members behind one socket are told apart by their tokens', async () => {
  const room = 'one socket';
  const ann = await RawMember.create(server(), { room, user: 'Ann' });
  const bob = await RawMember.join(server(), { room, user: 'Bob', peer: ann.peer });
  const eve = await RawMember.join(server(), { room, user: 'Eve' });
  await ann.send('One');
  await eve.expectChat('Ann', 'One');
  await bob.expectChat('Ann', 'One');
  await bob.send('Two');
  await eve.expectChat('Bob', 'Two');
  await ann.expectChat('Bob', 'Two');
  await bob.send(LEAVE);
  await eve.send('Three');
  await ann.expectChat('Eve', 'Three');
  assert.equal(ann.peer, bob.peer);
  await expectSilence(server(), ann.peer);
});
