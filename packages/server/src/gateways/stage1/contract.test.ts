import { gatewayContract, oneByOne } from '@confab/testing/gateway-contract';
import { stage1Kinds } from '@confab/testing/raw/stage1-kind';

for (const kind of stage1Kinds) {
  gatewayContract(kind);
  gatewayContract(kind, oneByOne);
}
