// How the API may be used, and how not. Only compiled: every line marked must be an error.

import { Call, Room, RoomError, compareIds, join } from 'roomline';
import type { CallStats, FileTransfer, Json, Peer } from 'roomline';

export async function everything(stream: MediaStream, file: File, track: MediaStreamTrack) {
  const leaving = new AbortController();
  using room = await join('kitchen', {
    name: 'Ann',
    info: { role: 'host', tags: ['a', 1, null] },
    token: async () => 'text',
    store: sessionStorage,
    signal: leaving.signal,
    rtc: { iceTransportPolicy: 'relay' },
  });
  const undo: () => void = room.on('roster', () => show(room.peers), { signal: leaving.signal });
  undo();
  room.on('peer-left', ({ peer, reason }) => reason === 'kicked' && peer.length);
  room.on('signal', ({ from, data }) => room.signal(from, data));
  room.on('error', ({ error }) => error.retryable && error.to?.length);
  room.on('closed', ({ reason, code }) => reason.length + code);
  room.on('call', ({ call }) => (room.calls.size > 1 ? call.decline('busy') : call.accept({ stream })));
  room.info = { ...room.info, muted: true };

  const call: Call = room.call('ben', { stream, receive: false, ringFor: 1000 });
  await (await call.until('connected')).shareScreen();
  call.mute();
  call.camera(false);
  await call.setTrack('video', track);
  await call.setTrack('audio', null);
  await call.stopScreen();
  const sent: boolean = call.send('text');
  const transfer: FileTransfer = await call.sendFile(file, { name: 'a.txt' });
  transfer.on('progress', ({ bytes, size }) => bytes / size);
  await transfer.done;
  call.on('file', async ({ file }) => URL.createObjectURL((await file.accept())!));
  const stats: CallStats | null = await call.stats();
  stats?.path === 'relayed';
  const code: Uint8Array | null = await call.safetyCode();
  call.hangUp();
  compareIds('a', 'b') < 0;
  return { sent, code };
}

export function wrong(room: Room, call: Call, error: RoomError) {
  // @ts-expect-error no such event
  room.on('rooster', () => {});
  // @ts-expect-error the event has no such field
  room.on('closed', ({ why }) => why);
  // @ts-expect-error not mine to change
  room.peers.set('me', {});
  // @ts-expect-error not mine to change
  call.state = 'ended';
  // @ts-expect-error calls are made by rooms
  new Call();
  // @ts-expect-error the options are an object
  room.call('ben', new MediaStream());
  // @ts-expect-error no such kind
  call.setTrack('screen', null);
  // @ts-expect-error may be undefined
  error.to.length;
  // @ts-expect-error not JSON
  room.info = { when: new Date() };
}

function show(peers: ReadonlyMap<string, Peer>): Json {
  return [...peers.values()].map(({ info }) => info.name ?? null);
}
