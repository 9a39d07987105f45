export * from '@confab/testing/raw/wait';
