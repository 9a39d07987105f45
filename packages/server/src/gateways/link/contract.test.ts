import { gatewayContract } from '@confab/testing/gateway-contract';
import { linkKinds } from '@confab/testing/raw/link-kind';

for (const kind of linkKinds) gatewayContract(kind);
