export * from '@confab/testing/raw/ucrp';
