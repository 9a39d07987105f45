/**
 * Names that are not used are free again, and so it is kept when they were used. Frozen, as every migration.
 *
 * - `names.used_ms`: when the key last used the name; what was taken before counts as used when it was taken.
 * - `names.address`: where it was taken from; empty: before this was kept.
 * - `names.added_by`: the key that added this one; null: it took the name itself.
 */
export const namesInUse = `
ALTER TABLE names ADD COLUMN used_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE names ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE names ADD COLUMN added_by TEXT;
UPDATE names SET used_ms = taken_ms;
`;
