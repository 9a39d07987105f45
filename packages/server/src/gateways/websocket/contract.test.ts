import { byNodeNet, gatewayContract } from '@confab/testing/gateway-contract';
import { jsonKinds } from '@confab/testing/raw/json-kinds';

for (const kind of jsonKinds) {
  if (kind.section !== 'http') continue;
  gatewayContract(kind);
  gatewayContract(kind, byNodeNet);
}
