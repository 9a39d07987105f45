import { byNodeNet, gatewayContract, withoutRing } from '@confab/testing/gateway-contract';
import { jsonKinds } from '@confab/testing/raw/json-kinds';

for (const kind of jsonKinds) {
  if (kind.section !== 'json_lines') continue;
  gatewayContract(kind);
  gatewayContract(kind, withoutRing);
  gatewayContract(kind, byNodeNet);
}
