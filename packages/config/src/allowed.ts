import { z } from 'zod';

/** What a setting may be, in words: `a whole number from 1 to 16`. */
export function allowedValues(schema: z.ZodType): string {
  const shape = z.toJSONSchema(schema);
  switch (shape.type) {
    case 'boolean':
      return 'true or false';
    case 'integer':
    case 'number':
      return `a ${shape.type === 'integer' ? 'whole ' : ''}number${range(shape)}`;
    default:
      if (shape.enum !== undefined) return shape.enum.map((value) => JSON.stringify(value)).join(', ');
      return (shape.minLength ?? 0) > 0 ? 'text that is not empty' : 'text';
  }
}

function range({ minimum, exclusiveMinimum, maximum }: z.core.JSONSchema.BaseSchema): string {
  if (typeof exclusiveMinimum === 'number') return ` above ${exclusiveMinimum}`;
  const from = minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? '' : ` from ${minimum}`;
  if (maximum === undefined || maximum === Number.MAX_SAFE_INTEGER) return from === '' ? '' : `${from} up`;
  return `${from} to ${maximum}`;
}
