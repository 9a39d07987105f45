import { gatewayContract, oneByOne } from '@confab/testing/gateway-contract';
import { jsonKinds } from '@confab/testing/raw/json-kinds';

for (const kind of jsonKinds.filter(({ section }) => section === 'json_datagrams')) {
  gatewayContract(kind);
  gatewayContract(kind, oneByOne);
}
