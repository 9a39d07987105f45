#include "link-packets.h"

#include <openssl/hmac.h>
#include <string.h>

#include "crowd.h"

/** HKDF-Expand-Label (RFC 8446 §7.1) of one block, with link's labels. */
static void expand(const uint8_t *secret, const char *label, uint8_t *out, size_t length) {
  uint8_t info[64] = {0}, block[EVP_MAX_MD_SIZE];
  size_t label_length = strlen(label);
  info[1] = (uint8_t)length;
  info[2] = (uint8_t)label_length;
  memcpy(info + 3, label, label_length);
  info[3 + label_length + 1] = 1;
  HMAC(EVP_sha256(), secret, SECRET_BYTES, info, 3 + label_length + 2, block, NULL);
  memcpy(out, block, length);
}

static EVP_CIPHER_CTX *cipher_of(const EVP_CIPHER *kind, const uint8_t *secret, const char *label, int is_sealing) {
  uint8_t key[16];
  expand(secret, label, key, sizeof key);
  EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
  EVP_CipherInit_ex(cipher, kind, NULL, key, NULL, is_sealing);
  EVP_CIPHER_CTX_set_padding(cipher, 0);
  return cipher;
}

void begin_packets(struct packets *packets, const uint8_t *secret, const uint8_t *id) {
  uint8_t client[SECRET_BYTES], server[SECRET_BYTES];
  memset(packets, 0, sizeof *packets);
  packets->largest = -1;
  expand(secret, "confab client", client, SECRET_BYTES);
  expand(secret, "confab server", server, SECRET_BYTES);
  packets->seal = cipher_of(EVP_aes_128_gcm(), client, "confab key", 1);
  packets->open = cipher_of(EVP_aes_128_gcm(), server, "confab key", 0);
  packets->mask_out = cipher_of(EVP_aes_128_ecb(), client, "confab hp", 1);
  packets->mask_in = cipher_of(EVP_aes_128_ecb(), server, "confab hp", 1);
  expand(client, "confab iv", packets->iv_out, sizeof packets->iv_out);
  expand(server, "confab iv", packets->iv_in, sizeof packets->iv_in);
  memcpy(packets->id_out, id, ID_BYTES);
}

static void nonce_of(const uint8_t *iv, int64_t number, uint8_t *nonce) {
  memcpy(nonce, iv, 12);
  for (int index = 0; index < 8; index += 1) nonce[11 - index] ^= (uint8_t)(number >> (8 * index));
}

/** @param sample where a number of four bytes would end */
static void mask_of(EVP_CIPHER_CTX *cipher, const uint8_t *sample, uint8_t *mask) {
  int written;
  EVP_CipherUpdate(cipher, mask, &written, sample, 16);
}

size_t seal_packet(struct packets *packets, uint8_t *packet, size_t length) {
  uint8_t nonce[12], mask[32];
  int written;
  int64_t number = packets->next++;
  packet[0] = 0x40 | 3;
  memcpy(packet + 1, packets->id_out, ID_BYTES);
  for (int index = 0; index < 4; index += 1) packet[1 + ID_BYTES + index] = (uint8_t)(number >> (24 - 8 * index));
  nonce_of(packets->iv_out, number, nonce);
  EVP_CipherInit_ex(packets->seal, NULL, NULL, NULL, nonce, 1);
  EVP_CipherUpdate(packets->seal, NULL, &written, packet, HEAD_BYTES);
  EVP_CipherUpdate(packets->seal, packet + HEAD_BYTES, &written, packet + HEAD_BYTES, (int)length);
  EVP_CipherFinal_ex(packets->seal, packet + HEAD_BYTES + written, &written);
  EVP_CIPHER_CTX_ctrl(packets->seal, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, packet + HEAD_BYTES + length);
  mask_of(packets->mask_out, packet + HEAD_BYTES, mask);
  packet[0] ^= mask[0] & 7;
  for (int index = 0; index < 4; index += 1) packet[1 + ID_BYTES + index] ^= mask[1 + index];
  return HEAD_BYTES + length + TAG_BYTES;
}

/** RFC 9000 appendix A.3. */
static int64_t recover_number(int64_t largest, int64_t truncated, int bytes) {
  int64_t expected = largest + 1, window = (int64_t)1 << (8 * bytes), half = window / 2;
  int64_t candidate = (expected & ~(window - 1)) | truncated;
  if (candidate <= expected - half) return candidate + window;
  if (candidate > expected + half && candidate >= window) return candidate - window;
  return candidate;
}

/** Remember a number; the lowest range is forgotten when there are too many. Returns whether it is new. */
static int note_number(struct packets *packets, int64_t number) {
  struct range *ranges = packets->ranges;
  int at = 0;
  while (at < packets->range_count && number < ranges[at].first - 1) at += 1;
  if (at < packets->range_count && number >= ranges[at].first && number <= ranges[at].last) return 0;
  if (at < packets->range_count && number == ranges[at].first - 1) {
    ranges[at].first = number;
    if (at + 1 < packets->range_count && ranges[at + 1].last == number - 1) {
      ranges[at].first = ranges[at + 1].first;
      packets->range_count -= 1;
      memmove(ranges + at + 1, ranges + at + 2, (size_t)(packets->range_count - at - 1) * sizeof *ranges);
    }
    return 1;
  }
  if (at < packets->range_count && number == ranges[at].last + 1) {
    ranges[at].last = number;
    return 1;
  }
  if (at == RANGES_MAX) return 0;
  if (packets->range_count == RANGES_MAX) packets->range_count -= 1;
  memmove(ranges + at + 1, ranges + at, (size_t)(packets->range_count - at) * sizeof *ranges);
  ranges[at] = (struct range){.first = number, .last = number};
  packets->range_count += 1;
  return 1;
}

uint8_t *open_packet(struct packets *packets, uint8_t *packet, size_t length, size_t *frames_length) {
  uint8_t nonce[12], mask[32];
  int written;
  if (length < 1 + 4 + 16) return NULL;
  mask_of(packets->mask_in, packet + 1 + 4, mask);
  packet[0] ^= mask[0] & 7;
  // A change of the key phase would need the keys after these.
  if ((packet[0] & 4) != 0) fail("the server has updated its keys, which this generator cannot follow");
  int number_bytes = 1 + (packet[0] & 3);
  int64_t truncated = 0;
  for (int index = 0; index < number_bytes; index += 1) {
    uint8_t *byte = &packet[1 + index];
    *byte ^= mask[1 + index];
    truncated = truncated << 8 | *byte;
  }
  int64_t number = recover_number(packets->largest, truncated, number_bytes);
  size_t head = 1 + (size_t)number_bytes;
  uint8_t *frames = packet + head;
  *frames_length = length - head - TAG_BYTES;
  nonce_of(packets->iv_in, number, nonce);
  EVP_CipherInit_ex(packets->open, NULL, NULL, NULL, nonce, 0);
  EVP_CIPHER_CTX_ctrl(packets->open, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, frames + *frames_length);
  EVP_CipherUpdate(packets->open, NULL, &written, packet, (int)head);
  EVP_CipherUpdate(packets->open, frames, &written, frames, (int)*frames_length);
  uint8_t rest[16];
  if (EVP_CipherFinal_ex(packets->open, rest, &written) != 1) return NULL;
  if (!note_number(packets, number)) return NULL;
  if (number > packets->largest) packets->largest = number;
  return frames;
}
