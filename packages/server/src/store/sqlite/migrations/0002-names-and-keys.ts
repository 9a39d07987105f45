/**
 * User names that belong to device keys, and what follows from them. Frozen, as every migration.
 *
 * - `names`: a name and one of its keys a row, kept for ever.
 * - `members.device_key`: the key that a member proved; null: unverified.
 * - `events.is_verified`: whether the author's name was proved. What was written before is unverified; the new column
 *   costs old rows nothing, neither time nor space.
 */
export const namesAndKeys = `
CREATE TABLE names (
  user TEXT NOT NULL,
  device_key TEXT NOT NULL,
  taken_ms INTEGER NOT NULL,
  PRIMARY KEY (user, device_key)
) STRICT, WITHOUT ROWID;

ALTER TABLE members ADD COLUMN device_key TEXT;
ALTER TABLE events ADD COLUMN is_verified INTEGER NOT NULL DEFAULT 0;
`;
