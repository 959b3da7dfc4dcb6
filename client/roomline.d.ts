/// <reference lib="esnext.disposable" />
// What `roomline` offers, with its documentation. The guide with whole examples is docs/sdk.md.

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What the others may know about a peer: the application's own, 4 KiB of JSON at most. */
export interface Info {
  name?: string;
  [key: string]: Json | undefined;
}

export interface Peer {
  readonly peer: string;
  readonly info: Info;
  /** `away`: its connection to the server was lost and may come back. */
  readonly state: 'here' | 'away';
}

/**
 * `error` and `close` codes of docs/protocol.md; `left`, `kicked`, `moved` (to another tab) and `lost`;
 * of a call or a file: `unsupported`, `not-connected`, and its reason to end.
 */
export type ErrorCode = string;

export class RoomError extends Error {
  constructor(code: ErrorCode, message?: string, more?: Partial<RoomError>);
  readonly name: string;
  readonly code: ErrorCode;
  /** Whether the same may work a little later. */
  readonly retryable: boolean;
  /** Of an error about one signal: the peer it was for, and what `signal()` returned. */
  readonly to?: string;
  readonly id?: number;
}

export interface ListenOptions {
  once?: boolean;
  /** Ends the listening. */
  signal?: AbortSignal;
}

/** An EventTarget whose `on` returns its own undo. */
export interface Emitter<Events> extends EventTarget {
  on<Type extends keyof Events & string>(
    type: Type,
    listener: (event: Event & Events[Type]) => void,
    options?: ListenOptions,
  ): () => void;
}

export interface TokenStore {
  getItem(key: string): string | null;
  setItem(key: string, text: string): void;
  removeItem(key: string): void;
}

export interface RoomOptions {
  /** Any URL of the server. Default: where the page came from. */
  url?: string | URL;
  /** The ID to ask for. Default: the token's, or one that the server chooses. */
  peer?: string | null;
  /** Short for `info: { name }`. */
  name?: string;
  info?: Info;
  /**
   * The token, or a function that gets one: called for every connection, when the server refuses the one before,
   * and in good time before it expires.
   */
  token?: string | (() => string | Promise<string>);
  /** E.g. `sessionStorage`: a reload of the page then keeps the membership. Without one, a page that ends leaves. */
  store?: TokenStore | null;
  /** Leaves the room when it aborts, or stops trying to join it. */
  signal?: AbortSignal;
  /** More for each RTCPeerConnection, e.g. `{ iceTransportPolicy: 'relay' }`. */
  rtc?: RTCConfiguration;
}

export type RoomState = 'new' | 'connecting' | 'joined' | 'resuming' | 'closed';

export interface RoomEvents {
  state: { state: RoomState };
  /** Somebody came, went or changed; `room.peers` is up to date. */
  roster: {};
  'peer-joined': Peer;
  'peer-info': Peer;
  'peer-away': Peer;
  'peer-back': Peer;
  'peer-left': { peer: string; reason: 'left' | 'timeout' | 'kicked' | 'replaced' | 'room-closed' };
  /** In the room, for the first time or again. `resumed: false`: the server knew nothing of us any more. */
  joined: { resumed: boolean };
  /** Somebody calls. */
  call: { call: Call };
  /** What another peer sent with `signal()`. */
  signal: { from: string; data: Json };
  /** From an administrator. */
  notice: { data: Json };
  /** The server refused one message, or no token could be had; the room goes on. */
  error: { error: RoomError };
  /** It is over. */
  closed: { reason: ErrorCode; code: number };
}

/**
 * One membership of one room. It survives lost sockets: it reconnects by itself, takes its session back, and
 * neither loses nor repeats a signal. Calls are peer to peer and go on meanwhile.
 */
export class Room extends EventTarget implements Emitter<RoomEvents> {
  /** For those who want to listen before they join; else see `join()`. */
  constructor(name: string, options?: RoomOptions);
  readonly name: string;
  /** My own ID; null until joined, unless it was asked for. */
  readonly peer: string | null;
  readonly state: RoomState;
  /** Everybody but me, by ID; always as it is now. */
  readonly peers: ReadonlyMap<string, Peer>;
  /** The calls that have not ended, by the other's ID: at most one with each peer. */
  readonly calls: ReadonlyMap<string, Call>;
  /** STUN and TURN servers for an RTCPeerConnection of your own. */
  readonly iceServers: RTCIceServer[];
  /** Set it to tell the others. */
  info: Info;
  on: Emitter<RoomEvents>['on'];
  /** Resolves once in. Keeps trying while the network is down; rejects with a RoomError when the server says no. */
  join(): Promise<this>;
  /**
   * Calls a peer. Where that one is calling me already, this answers. Throws `unsupported` where the browser has no
   * WebRTC.
   */
  call(peer: string, options?: CallOptions): Call;
  /**
   * Sends any JSON value to one peer, in order, now or after resuming. Returns the number that an `error` event
   * about it carries as `id`.
   */
  signal(to: string, data: unknown): number;
  /**
   * For whose token has the right `admin`: lets nobody new in, or again; sends a peer away, and keeps it away for `ban`
   * seconds; closes the room for everybody. Each returns the `id` of the `error` event that may follow, and throws
   * `not-connected` while there is no connection.
   */
  lock(locked?: boolean): number;
  kick(peer: string, options?: { ban?: number }): number;
  end(): number;
  /** Leaves for good and hangs up. */
  leave(): void;
  /** The same as `leave()`. */
  close(): void;
  /** For `using room = await join(...)`, where the browser knows that. */
  [Symbol.dispose](): void;
}

/** Enters a room: `new Room(name, options).join()`. */
export function join(name: string, options?: RoomOptions): Promise<Room>;

export interface CallOptions {
  /** What I send. Without it I only receive. The stream stays yours: the call never stops its tracks. */
  stream?: MediaStream | null;
  /** Whether to ask for the other's picture and sound. Default true; false without a stream: data only. */
  receive?: boolean;
  /** Milliseconds that it rings. Default 45000. */
  ringFor?: number;
  /** Hangs up when it aborts. */
  signal?: AbortSignal;
}

export type CallState = 'ringing' | 'connecting' | 'connected' | 'reconnecting' | 'ended';

/**
 * `declined`, `busy`, `unsupported` by the browser over there, `cancelled` by who called, `no-answer`, `hangup`,
 * `gone` (the other one left), `lost` (no connection could be had), or why my room closed.
 */
export type EndReason = string;

export interface Media {
  microphone: boolean;
  camera: boolean;
  screen: boolean;
}

export interface CallEvents {
  state: { state: CallState };
  ended: { reason: EndReason };
  /** Text and files can be sent. */
  open: {};
  message: { text: string };
  /** The other side offers a file: `accept()` or `decline()` it. */
  file: { file: FileTransfer };
  /** `call.media` or `call.remoteMedia` changed. */
  media: {};
}

export class Call extends EventTarget implements Emitter<CallEvents> {
  private constructor();
  readonly id: string;
  /** The other side. */
  readonly peer: string;
  /** Whether the other side called. */
  readonly incoming: boolean;
  readonly state: CallState;
  /** Once ended. */
  readonly reason: EndReason | null;
  /** What the other side sends; good for `srcObject` from the start. */
  readonly remoteStream: MediaStream;
  /** What I send, and what the other side says it sends. */
  readonly media: Media;
  readonly remoteMedia: Media;
  /** The connection itself, once there is one. Tracks, transceivers and channels may be added. */
  readonly pc: RTCPeerConnection | null;
  on: Emitter<CallEvents>['on'];
  /** Answers a call that rings. */
  accept(options?: CallOptions): void;
  /** Refuses a call that rings; `'busy'` is the other usual reason. */
  decline(reason?: EndReason): void;
  /** Ends it; a call that still rings over there is cancelled. */
  hangUp(): void;
  /** The same as `hangUp()`. */
  close(): void;
  [Symbol.dispose](): void;
  /** Resolves when it gets there, rejects with a RoomError when it ends before. */
  until(state: CallState): Promise<this>;

  /** Turns my microphone off, or on again. Calls that share a track share its being off. */
  mute(on?: boolean): void;
  /** Turns my camera on, or off. */
  camera(on?: boolean): void;
  /** Sends another track in place of the one before: another device, or null for none. */
  setTrack(kind: 'audio' | 'video', track: MediaStreamTrack | null): Promise<void>;
  /** Sends a screen in place of the camera, until `stopScreen()` or the browser's own button. Asks for it where none is given. */
  shareScreen(stream?: MediaStream): Promise<MediaStream>;
  stopScreen(): Promise<void>;

  /** Sends text. False, and nothing sent, while there is no connection or too much waits for it. */
  send(text: string): boolean;
  /**
   * Offers a file, once there is a connection; `transfer.done` tells what became of it. Rejects where the part of the
   * SDK that moves files, loaded at the first of them, can't be had.
   */
  sendFile(file: File | Blob, options?: { name?: string }): Promise<FileTransfer>;

  /**
   * How it goes. Rates and loss are since the last `stats()`; null where not known. Rejects where the part of the SDK
   * that measures, loaded at the first of these, can't be had.
   */
  stats(): Promise<CallStats | null>;
  /**
   * Eight bytes that both sides find alike if, and only if, nobody sits between them: a slow hash of both DTLS
   * fingerprints. Show them as words and let the two compare. Needs a secure page.
   */
  safetyCode(): Promise<Uint8Array | null>;
}

export interface CallStats {
  path: 'direct' | 'relayed' | null;
  /** Of the way to the relay or the peer: `udp`, `tcp` or `tls`. */
  protocol: string | null;
  /** Seconds. */
  rtt: number | null;
  /** Bits per second, of all media and data. */
  sent: number | null;
  received: number | null;
  /** 0 to 1, of the media packets that should have come in. */
  loss: number | null;
  /** Seconds, of what comes in. */
  jitter: number | null;
  /** Of the picture that comes in. */
  width: number | null;
  height: number | null;
  frames: number | null;
}

export type FileState = 'offered' | 'active' | 'done' | 'declined' | 'cancelled' | 'failed';

export interface FileEvents {
  state: { state: FileState };
  progress: { bytes: number; size: number };
}

export interface FileTransfer extends Emitter<FileEvents> {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly incoming: boolean;
  readonly state: FileState;
  /** How many bytes arrived, here or over there. */
  readonly bytes: number;
  /**
   * Resolves when all has arrived; for who receives, with the Blob, or null where it went into a stream. Rejects with a
   * RoomError: `declined`, `cancelled`, `failed` (the call ended, or the stream did).
   */
  readonly done: Promise<Blob | null>;
  /**
   * Takes it, into memory or into a stream (of a file handle, for what is large); a slow stream slows the sender.
   * Resolves as `done` does.
   */
  accept(options?: { to?: WritableStream }): Promise<Blob | null>;
  decline(): void;
  cancel(): void;
  /** The same as `cancel()`. */
  close(): void;
  [Symbol.dispose](): void;
}

/** By bytes of UTF-8, as the protocol compares IDs: the lower one of two peers is the polite one. */
export function compareIds(a: string, b: string): number;
