import { gatewayContract, oneByOne } from '@confab/testing/gateway-contract';
import { linkKinds } from '@confab/testing/raw/link-kind';

for (const kind of linkKinds) {
  gatewayContract(kind);
  if (kind.name.includes('datagrams')) gatewayContract(kind, oneByOne);
}
