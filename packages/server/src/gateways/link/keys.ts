import type { Hub } from '@confab/core';
import { deviceKeyText } from '@confab/link';
import { type ControlMessage, LinkErrorCode, type ListedKey } from '@confab/wire/link';
import type { Identity } from './admission.ts';
import { type Refusal, refusal, refusalOf } from './codes.ts';

export type KeyRequest = Extract<ControlMessage, { type: 'keys' | 'add-key' | 'remove-key' }>;

export interface KeyRequestsOptions {
  readonly hub: Hub;
  readonly identity: Identity;
  /** IP address of the client. */
  readonly address: () => string;
  readonly tell: (message: ControlMessage) => void;
  readonly refuse: (request: number, refusal: Refusal) => void;
  /** The name is that key's no more: its sessions are to end. */
  readonly onRemoved: (user: string, deviceKey: string) => void;
}

/** Which device keys a session's user name belongs to: told, and changed, for who has proved one of them. */
export class KeyRequests {
  readonly #options: KeyRequestsOptions;

  constructor(options: KeyRequestsOptions) {
    this.#options = options;
  }

  /** @throws what is not the client's fault */
  async handle(message: KeyRequest): Promise<void> {
    const { hub, identity, address, refuse, onRemoved } = this.#options;
    const { user, deviceKey: by } = identity;
    if (by === undefined) {
      refuse(message.request, asGuest);
      return;
    }
    try {
      if (message.type === 'add-key') {
        await hub.names.addKey({ user, deviceKey: deviceKeyText(message.key), address: address(), by });
      } else if (message.type === 'remove-key') {
        const deviceKey = deviceKeyText(message.key);
        await hub.names.removeKey({ user, deviceKey, by });
        this.#tellKeys(message.request, by);
        onRemoved(user, deviceKey);
        return;
      }
      hub.names.expectOwnedBy(user, by);
      this.#tellKeys(message.request, by);
    } catch (error) {
      refuse(message.request, refusalOf(error));
    }
  }

  #tellKeys(request: number, by: string): void {
    const { hub, identity, tell } = this.#options;
    const keys = hub.names.keysOf(identity.user).map(
      ({ deviceKey, takenMs, usedMs }): ListedKey => ({
        key: new Uint8Array(Buffer.from(deviceKey, 'base64url')),
        addedMs: takenMs,
        usedMs,
        isOwn: deviceKey === by,
      }),
    );
    tell({ type: 'key-list', request, keys });
  }
}

const asGuest = refusal(LinkErrorCode.GUESTS_NOT_ALLOWED, 'The name of a guest belongs to no device key');
