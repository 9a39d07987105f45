import { validateUserName } from '@confab/core';

/** Whether the core would let somebody in under this name. */
export function isUserName(name: string): boolean {
  try {
    validateUserName(name);
    return true;
  } catch {
    return false;
  }
}
