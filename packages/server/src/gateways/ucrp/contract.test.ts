import { gatewayContract, oneByOne } from '@confab/testing/gateway-contract';
import { hybridKinds } from '@confab/testing/raw/hybrid-kind';

for (const kind of hybridKinds) {
  gatewayContract(kind);
  gatewayContract(kind, oneByOne);
}
