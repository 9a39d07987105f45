import { InvalidArgumentError } from 'commander';

/** Checks an argument of the command line. */
export function notEmpty(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It must not be empty.');
  return value;
}
