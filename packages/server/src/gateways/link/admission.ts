import { type Hub, validateUserName } from '@confab/core';
import { deviceKeyText, isDeviceProofRight } from '@confab/link';
import { type Hello, LinkErrorCode } from '@confab/wire/link';
import { type Refusal, refusal, refusalOf } from './codes.ts';

/** Who a session is. */
export interface Identity {
  readonly user: string;
  /** The key that was proved, and that the user name belongs to; undefined: a guest. */
  readonly deviceKey: string | undefined;
}

export interface AdmissionContext {
  readonly hub: Hub;
  readonly allowsGuests: boolean;
  /** IP address of who asks. */
  readonly address: string;
  /** TLS exporter value of the connection that a proof must be over. */
  readonly deviceExporter: Uint8Array;
}

/** Judge who a HELLO says it is; a name that is nobody's becomes that of the proved key. */
export async function identify(hello: Hello, context: AdmissionContext): Promise<Identity | Refusal> {
  const { hub, allowsGuests, address, deviceExporter } = context;
  const { user, device } = hello;
  try {
    if (device === undefined) {
      if (!allowsGuests) return refusal(LinkErrorCode.GUESTS_NOT_ALLOWED, 'Guests are not allowed on this server');
      validateUserName(user);
      hub.names.expectFree(user);
      return { user, deviceKey: undefined };
    }
    if (!isDeviceProofRight(device, deviceExporter)) {
      hub.fault(address);
      return refusal(LinkErrorCode.DEVICE_PROOF_WRONG, 'The proof of the device key is wrong');
    }
    const deviceKey = deviceKeyText(device.key);
    validateUserName(user);
    await hub.names.claim({ user, deviceKey, address });
    return { user, deviceKey };
  } catch (error) {
    return refusalOf(error);
  }
}

export function isRefusal(result: Identity | Refusal): result is Refusal {
  return 'code' in result;
}
