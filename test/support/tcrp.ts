export * from '@confab/testing/raw/tcrp';
